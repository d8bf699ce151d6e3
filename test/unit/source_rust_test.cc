// What a change of headers is for code in Rust.
#include "compile.h"
#include "source/declared_change.h"
#include "source/rust_names.h"

#include <doctest/doctest.h>

#include <fstream>

using namespace klp::source;

namespace {

HeaderReading read(const klp::test::ScratchDirectory& place, const std::string& text) {
    const std::string file = (place.path() / "head.h").string();
    std::ofstream(file) << text;
    const UnitReader reader({});
    const CompileCommand command{place.path().string(), file, {"gcc", "-std=gnu11", "-x", "c", file}};
    const auto expanded = reader.read(command);
    const auto unexpanded = reader.read_unexpanded(command);
    REQUIRE(expanded);
    REQUIRE(unexpanded);
    return {*expanded, *unexpanded};
}

// Which of the words mean something else.
std::set<std::string> changed(const std::string& before, const std::string& after, std::set<std::string> words) {
    const klp::test::ScratchDirectory place;
    const HeaderReading old_side = read(place, before), new_side = read(place, after);
    const auto names = changed_declarations(old_side, new_side);
    REQUIRE(names);
    std::erase_if(words, [&](const std::string& word) { return !names->has(spelling_of(word)); });
    return words;
}

using Words = std::set<std::string>;

} // namespace

TEST_CASE("a constant is another one with all that is made of it, not with what only points there") {
    const std::string head = "typedef unsigned flags_t;\n";
    const std::string rest = "#define TWICE (SIZE * 2)\n"
                             "#define OTHER 7\n"
                             "struct text { char bytes[SIZE]; };\n"
                             "struct holder { struct text text; };\n"
                             "struct pointer { struct text *text; };\n"
                             "const flags_t HELPER_SIZE = ((flags_t)SIZE);\n"
                             "int use(struct text *text);\n";
    const Words words = {"SIZE", "TWICE", "OTHER", "text", "holder", "pointer", "HELPER_SIZE", "flags_t", "use"};
    CHECK(changed(head + "#define SIZE 4\n" + rest, head + "#define SIZE 8\n" + rest, words) ==
          Words{"HELPER_SIZE", "SIZE", "TWICE", "holder", "text"});
}

TEST_CASE("what an inline function does in its body is no declaration") {
    const std::string before =
        "struct s { int m; };\nstatic inline int get(struct s *s) { return s->m; }\nint set(struct s *s);\n";
    const std::string after =
        "struct s { int m; };\nstatic inline int get(struct s *s) { return s->m + 1; }\nint set(struct s *s);\n";
    CHECK(changed(before, after, {"s", "get", "set", "m"}).empty());
}

TEST_CASE("an enumerator at the end changes no other; one in the middle those behind it") {
    const Words words = {"FAST", "SLOW", "NEW", "mode"};
    CHECK(changed("enum mode { FAST, SLOW };", "enum mode { FAST, SLOW, NEW };", words) == Words{"NEW"});
    CHECK(changed("enum mode { FAST, SLOW };", "enum mode { FAST, NEW, SLOW };", words) == Words{"NEW", "SLOW"});
}

TEST_CASE("a member, a prototype and a variable that change") {
    CHECK(changed("struct s { int a; }; int f(int); extern int v;",
                  "struct s { long a; }; int f(int, int); extern long v;",
                  {"s", "f", "v", "a"}) == Words{"f", "s", "v"});
}

TEST_CASE("Rust code names C by its bindings") {
    std::set<std::string, std::less<>> names;
    add_bound_names("use kernel::{bindings::{self, seq_file}, other::thing};\n"
                    "fn f(p: *mut bindings::file, n: uapi::__u32) -> usize { mine::LIMIT }\n",
                    names);
    CHECK(names.contains("seq_file"));
    CHECK(names.contains("file"));
    CHECK(names.contains("__u32"));
    CHECK_FALSE(names.contains("thing"));
    CHECK_FALSE(names.contains("LIMIT"));
    add_bound_names("use kernel::bindings::*; fn g() { PAGE_SIZE }", names);
    CHECK(names.contains("PAGE_SIZE"));
}
