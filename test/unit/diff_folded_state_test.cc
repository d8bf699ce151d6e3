// State that the compiler of the patched unit knows better than the running kernel does.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string written =
    "static int limit = 8;\nvoid set(int x) { limit = x; }\nint get(void) { return limit * 3; }\n"
    "int other(int x) { return x + 1; }\n";

std::string force(const std::string& function) {
    return "__attribute__((section(\".kpatch.force\"), used)) static const void *force_" + function +
           " = (const void *)" + function + ";\n";
}

// A variable of two values, of which Clang keeps one byte: 0 and `value`.
std::string flag(const std::string& value) {
    return "static int state;\nvoid enter(int x) { if (x) state = " + value +
           "; }\nint get(int x) { return state + x; }\n";
}

} // namespace

TEST_CASE("folded state: what nothing writes any more is not its initial value") {
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair pair(compiler);
            const std::string unwritten = replaced(written, "limit = x;", "");
            const Codes codes = pair.run(written, unwritten).codes;
            // Where the compiler drops the variable altogether, it is one that is gone.
            CHECK((codes == Codes{"diff.storage-changed"} || codes == Codes{"diff.static-data-removed"}));
            CHECK(pair.run(written, unwritten + force("set") + force("get")).codes.empty());
            Outcome still = pair.run(written, replaced(written, "limit * 3", "limit * 4"));
            CHECK(still.codes.empty());
            CHECK(still.changed() == Names{"get"});
        },
        {gcc_x86, clang_x86()});
}

TEST_CASE("folded state: an array that is merged with other constants") {
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: no " << clang_x86().command);
        return;
    }
    UnitPair pair(clang_x86());
    const std::string unit = "static unsigned slots[8] = {1, 2, 3, 4, 5, 6, 7, 8};\nvoid add(unsigned a, unsigned b) { "
                             "slots[a & 7] += b; }\nunsigned find(unsigned a) { return slots[a & 7] + 168; }\n";
    const Codes codes = pair.run(unit, replaced(unit, "slots[a & 7] += b;", "")).codes;
    CHECK((codes == Codes{"diff.storage-changed"} || codes == Codes{"diff.static-data-removed"}));
}

TEST_CASE("kept forms: a flag of Clang's stands for the value that the kernel's code gives it") {
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: no " << clang_x86().command);
        return;
    }
    UnitPair pair(clang_x86());
    for (const char* debug : {"-g -gdwarf-5", "-g -gdwarf-4"}) {
        CAPTURE(debug);
        CHECK(pair.run(flag("81"), flag("88"), debug).codes == Codes{"diff.storage-changed"});
        CHECK(pair.run(flag("81"), replaced(flag("81"), "static int state;", "static int state = 5;"), debug).codes ==
              Codes{"diff.storage-changed"});
        Outcome same = pair.run(flag("81"), replaced(flag("81"), "state + x", "state - x"), debug);
        CHECK(same.codes.empty());
        CHECK(same.changed() == Names{"get"});
    }
}

TEST_CASE("common symbols: a new one has no place in a module") {
    UnitPair pair;
    const std::string unit = "int old;\nint f(int x) { return old += x; }\n";
    const std::string more = "int fresh;\nint old;\nint f(int x) { return old += x + fresh++; }\n";
    CHECK(pair.run(unit, more, "-fcommon").codes == Codes{"diff.common-symbol"});
    CHECK(pair.run(unit, more, "-fno-common").codes.empty());
    Outcome kernels = pair.run(unit, replaced(unit, "old += x", "old -= x"), "-fcommon");
    CHECK(kernels.codes.empty());
    CHECK(kernels.changed() == Names{"f"});
}

TEST_CASE("lost state: a function that goes on as a clone takes its static variables with it") {
    UnitPair pair;
    const std::string unit = "extern void out(int);\nstatic __attribute__((noinline)) int count(int a, int b) { static "
                             "int calls = 7; calls += b; "
                             "out(calls); out(calls + a); return a + b; }\nint f(int x) { return count(x & 127, x); "
                             "}\nint g(int x) { return "
                             "count(x & 15, 5); }\n";
    std::string more = replaced(unit, "int count(int a, int b) {",
                                "int count(int a, int b, int c) { out(c); { static int calls = 58; calls += b & 15; "
                                "out(calls); }");
    more = replaced(replaced(more, "count(x & 127, x)", "count(x & 127, x, 55)"), "count(x & 15, 5)",
                    "count(x & 15, 5, 55)");
    CHECK(pair.run(unit, more).codes == Codes{"diff.static-local"});
}
