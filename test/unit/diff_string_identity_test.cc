// Strings whose addresses code goes by, of which a live patch has copies.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string head = "struct object { const char *name; int used; };\n"
                         "extern void release(const void *), print(const char *, ...), sink(const char *);\n";
const std::string make = "void make(struct object *o) { o->used = 0; o->name = \"usual\"; }\n";
const std::string destroy = "void destroy(struct object *o) { if (o->name != \"usual\") release(o->name); }\n";
const std::string other = "int other(struct object *o) { return o->used; }\n";

// What the differ says of a patch that has `text` replaced by `with`.
Outcome run(const std::string& unit, const std::string& text, const std::string& with,
            const Compiler& compiler = gcc_x86) {
    UnitPair pair(compiler);
    return pair.run(head + unit, head + replaced(unit, text, with));
}

// The same on every machine, where no other rule has its say (a jump that loses ppc64's TOC).
Codes codes_of(const std::string& unit, const std::string& text, const std::string& with) {
    const Codes on_x86 = run(unit, text, with).codes;
    with_compilers([&](const Compiler& compiler) {
        CAPTURE(unit);
        Codes codes = run(unit, text, with, compiler).codes;
        std::erase_if(codes, [](const std::string& code) { return code != "diff.string-identity"; });
        CHECK(codes == on_x86);
    });
    return on_x86;
}

const std::string in_destroy = "if (o->name";
const std::string counted = "o->used++; if (o->name";

} // namespace

TEST_CASE("string identity: compared with what the old code stored") {
    with_compilers([](const Compiler& compiler) {
        const Outcome outcome = run(make + destroy, in_destroy, counted, compiler);
        REQUIRE(outcome.codes == Codes{"diff.string-identity"});
        CHECK(outcome.errors[0].function == "destroy");
        CHECK(outcome.errors[0].message.find("which make lets out") != std::string::npos);
    });
}

TEST_CASE("string identity: stored for old code that compares it, or that comes back when the patch is disabled") {
    CHECK(codes_of(make + destroy, "o->used = 0;", "o->used = 1;") == Codes{"diff.string-identity"});
    // Both are replaced: objects made by one code are destroyed by the other, before and after.
    UnitPair pair;
    const std::string both = replaced(replaced(make + destroy, in_destroy, counted), "o->used = 0;", "o->used = 1;");
    CHECK(pair.run(head + make + destroy, head + both).codes == Codes{"diff.string-identity", "diff.string-identity"});
}

TEST_CASE("string identity: kept in data of the old unit") {
    const std::string table = "static const char *names[] = { \"usual\", \"fast\" };\n"
                              "void choose(struct object *o, int i) { o->name = names[i]; }\n";
    CHECK(codes_of(table + destroy, in_destroy, counted) == Codes{"diff.string-identity"});
}

TEST_CASE("string identity: what the patch does not touch does not matter") {
    CHECK(codes_of(make + destroy + other, "return o->used;", "return o->used + 1;").empty());
}

TEST_CASE("string identity: a string that is only stored, read or passed may be a copy") {
    CHECK(codes_of(make + other, "o->used = 0;", "o->used = 1;").empty());
    const std::string show = "void show(struct object *o) { print(\"usual\"); print(o->name); }\n";
    CHECK(codes_of(make + show, "print(o->name);", "print(o->name); print(\"!\");").empty());
}

TEST_CASE("string identity: passed to a function of the unit that may keep it, but not to others") {
    const std::string keep =
        "__attribute__((noinline)) void keep(struct object *o, const char *name) { o->name = name; }\n";
    const std::string pass = "void pass(struct object *o) { o->used = 0; keep(o, \"usual\"); }\n";
    // Not by Clang, which makes a keep() of its own for the one string, and leaves it in the kernel.
    CHECK(run(keep + pass + destroy, "o->used = 0;", "o->used = 1;").codes == Codes{"diff.string-identity"});
    const std::string say = "void say(struct object *o) { o->used = 0; sink(\"usual\"); }\n";
    CHECK(codes_of(make + say + destroy, "o->used = 0; sink", "o->used = 1; sink").empty());
    // A jump to another function, with the string in a register that could also be of a result.
    const std::string third = "extern void log(int, int, const char *);\n"
                              "void say(struct object *o) { o->used = 0; log(1, 2, \"usual\"); }\n";
    CHECK(codes_of(make + third + destroy, "o->used = 0; log", "o->used = 1; log").empty());
}

TEST_CASE("string identity: returned to whoever keeps it") {
    const std::string choose = "const char *choose(struct object *o) { o->used = 0; return \"usual\"; }\n";
    CHECK(codes_of(choose + destroy, "o->used = 0;", "o->used = 1;") == Codes{"diff.string-identity"});
}

TEST_CASE("string identity: nobody has given the address to anybody") {
    CHECK(codes_of(destroy, in_destroy, counted).empty());
}

TEST_CASE("string identity: the end of a loop over the string itself") {
    const std::string loop =
        "void walk(struct object *o) { for (const char *s = \"usual\"; s != \"usual\" + 5; s++) sink(s); }\n";
    CHECK(codes_of(make + loop, "sink(s);", "sink(s + o->used);").empty());
}

TEST_CASE("string identity: compared with what the function makes of addresses itself") {
    const std::string tail = "void tail(struct object *o, unsigned long n) { const char *s = \"****\" + 4 - n; "
                             "if (s != \"usual\") sink(s); sink(\"usual\"); }\n";
    CHECK(codes_of(make + tail, "if (s", "o->used++; if (s").empty());
    // Either the string or another pointer, which may be an error (linux/err.h).
    const std::string error =
        "extern const char *find(void);\nvoid check(struct object *o) { const char *s = o->used ? "
        "\"usual\" : find(); if ((unsigned long)s < -4095UL) sink(s); }\n";
    CHECK(codes_of(make + error, "if ((", "o->used++; if ((").empty());
}

TEST_CASE("string identity: compared with what a caller or another function gives") {
    const std::string given = "int is_usual(struct object *o, const char *name) { return name == \"usual\"; }\n";
    CHECK(codes_of(make + given, "return name", "o->used++; return name") == Codes{"diff.string-identity"});
    const std::string found =
        "extern const char *find(void);\nint is_usual(struct object *o) { return find() == \"usual\"; }\n";
    CHECK(codes_of(make + found, "return find", "o->used++; return find") == Codes{"diff.string-identity"});
}

TEST_CASE("string identity: a string that is new with the patch is the patch's own") {
    const std::string plain =
        "void make(struct object *o) { o->name = 0; }\nvoid destroy(struct object *o) { release(o->name); }\n";
    UnitPair pair;
    CHECK(pair.run(head + plain, head + make + destroy).codes.empty());
}

TEST_CASE("string identity: texts of every kind") {
    const std::string inline_name = "static inline const char *me(void) { return __func__; }\n";
    const std::vector<std::pair<std::string, std::string>> texts = {{"empty", "\"\""},
                                                                    {"with a zero inside", "\"us\\0ual\""},
                                                                    {"wide", "(const char *)L\"usual\""},
                                                                    {"a function's", "me()"}};
    with_compilers([&](const Compiler& compiler) {
        for (const auto& [name, text] : texts) {
            CAPTURE(name);
            const std::string unit =
                inline_name + replaced(replaced(make + destroy, "o->name = \"usual\"", "o->name = " + text),
                                       "!= \"usual\"", "!= " + text);
            const Outcome outcome = run(unit, in_destroy, counted, compiler);
            CHECK(outcome.codes == Codes{"diff.string-identity"});
        }
        // Another text of the same beginning.
        const std::string two = replaced(make + destroy, "!= \"usual\"", "!= (const char *)L\"unusual\"");
        CHECK(run(replaced(two, "\"usual\"", "(const char *)L\"us\""), in_destroy, counted, compiler).codes == Codes{});
    });
}
