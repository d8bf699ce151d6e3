// Static variables of one name in several functions of the source, which inlining brings into one another.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string helper = "static inline __attribute__((always_inline)) int ";
const std::string two = "extern void out(int, int);\n" + helper + "next_id(void) { static int id; return ++id; }\n" +
                        helper + "next_seq(void) { static int id; return ++id; }\n";

struct Case {
    std::string what, before, after;
};

// In each the code of f() is the same but for the variable.
const std::vector<Case>& cases() {
    static const std::vector<Case> all = {
        {"another helper, and the old one's other user comes later",
         "void f(void) { out(next_id(), 2); }\nvoid g(void) { out(next_id(), 7); }\nvoid h(void) { out(next_seq(), 8); "
         "}\n",
         "void f(void) { out(next_seq(), 2); }\nvoid g(void) { out(next_id(), 7); }\nvoid h(void) { out(next_seq(), "
         "8); }\n"},
        {"the helpers in the other order",
         "void f(void) { int a = next_id(); int b = next_seq(); out(a, b); }\nvoid g(void) { out(next_id(), 7); }\n",
         "void f(void) { int b = next_seq(); int a = next_id(); out(b, a); }\nvoid g(void) { out(next_id(), 7); }\n"},
        {"a variable of its own", "void f(void) { out(next_id(), 2); }\nvoid g(void) { out(next_id(), 7); }\n",
         "void f(void) { static int id; out(++id, 2); }\nvoid g(void) { out(next_id(), 7); }\n"},
    };
    return all;
}

} // namespace

TEST_CASE("static variables of one name: debug data says whose each is") {
    with_compilers([](const Compiler& compiler) {
        for (const Case& it : cases()) {
            CAPTURE(it.what);
            const Outcome outcome = UnitPair(compiler).run(two + it.before, two + it.after, "-g");
            REQUIRE(outcome.codes == Codes{});
            CHECK(outcome.changed() == Names{"f"});
        }
    });
}

TEST_CASE("static variables of one name: users that contradict each other are no proof") {
    for (const Case& it : cases()) {
        CAPTURE(it.what);
        const Outcome outcome = UnitPair().run(two + it.before, two + it.after);
        REQUIRE_FALSE(outcome.codes.empty());
        for (const std::string& code : outcome.codes)
            CHECK(code == "diff.static-local");
    }
    // Whose code has changed speaks for itself alone.
    const std::string before = "void f(void) { out(next_id(), 2); }\nvoid g(void) { out(next_id(), 7); }\n";
    const std::string after =
        "void f(void) { static int id; id += 3; out(5, id); }\nvoid g(void) { out(next_id(), 7); }\n";
    const Outcome outcome = UnitPair().run(two + before, two + after);
    REQUIRE(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("a test that the compiler copied to where ways part decides as one") {
    // Behind the first block GCC tests cond(2) once more, and goes on in the second from there.
    const std::string unit =
        "extern int cond(int); extern void alpha(int), beta(int), gamma(int);\nint a(int k) {\n"
        "  if (cond(1)) { static int n; alpha(++n); }\n  if (cond(2)) { static int n; beta(++n); }\n"
        "  if (cond(3)) { static int n; gamma(++n); }\n  return k; }\n";
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        const Outcome outcome =
            UnitPair(compiler).run(unit, replaced(unit, "  if (cond(1))", "  if (k == 77) return -1;\n  if (cond(1))"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"a"});
        for (const char* name :
             {".klp.ref.vmlinux.vmlinux.n.0,0", ".klp.ref.vmlinux.vmlinux.n.1,0", ".klp.ref.vmlinux.vmlinux.n.2,0"})
            CHECK((std::string_view(compiler.command) != gcc_x86.command || outcome.refers(".text.a", name)));
    }
}

TEST_CASE("members of a structure that Clang takes apart are no static variables of one name") {
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: clang-19 is not installed");
        return;
    }
    const std::string unit = "extern void out(int, int);\nstatic struct { int hits, misses; } st;\n"
                             "void f(void) { st.hits++; out(1, 2); }\n"
                             "void g(void) { out(st.hits, st.misses); st.hits = 0; st.misses = 0; }\n";
    const Codes codes = UnitPair(clang_x86()).run(unit, replaced(unit, "st.hits++", "st.misses++")).codes;
    CHECK(std::ranges::find(codes, "diff.static-local") != codes.end());
}

TEST_CASE("members of a structure that Clang takes apart are told apart by debug data") {
    const std::string unit = "extern void out(unsigned long, unsigned long);\n"
                             "static struct { unsigned long sent, received; } st;\n"
                             "void account(int x, int y) { st.sent += x; st.received += y; out(1, 2); }\n"
                             "void show(void) { out(st.sent, st.received); }\n";
    const std::vector<Compiler> clangs = {clang_x86(), compilers()[5]};
    with_compilers(
        [&](const Compiler& compiler) {
            const Outcome outcome = UnitPair(compiler).run(
                unit, replaced(unit, "{ st.sent += x", "{ if (x < 0) return; st.sent += x"), "-g");
            REQUIRE(outcome.codes == Codes{});
            CHECK(outcome.changed() == Names{"account"});
            for (const char* name : {".klp.ref.vmlinux.vmlinux.st.0,0", ".klp.ref.vmlinux.vmlinux.st.1,0"})
                CHECK(outcome.refers(".text.account", name));
        },
        clangs);
}

TEST_CASE("literals of structures without a name are told apart by who uses them") {
    const std::string unit = "struct x { int a, b; };\nextern int out(struct x *);\n"
                             "static struct x *const one = &(struct x){ 1, 2 };\n"
                             "int f(int i) { one->a += i; return out(one); }\n";
    const std::string more = replaced(unit, "static struct x *const one",
                                      "static struct x *const other = &(struct x){ 1, 2 };\n"
                                      "int h(int i) { other->a += i; return out(other); }\n"
                                      "static struct x *const one");
    with_compilers([&](const Compiler& compiler) {
        const Outcome outcome = UnitPair(compiler).run(unit, more);
        REQUIRE(outcome.codes == Codes{});
        CHECK(outcome.changed() == Names{});
        CHECK(outcome.names(diff::Change::added) == Names{"h"});
        for (const elf::Symbol& symbol : outcome.output->symbols()) // its own, and not the one that the kernel has
            CHECK(symbol.name.find("ref.vmlinux.vmlinux") == std::string_view::npos);
    });
}
