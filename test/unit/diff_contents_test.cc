// What counts of a piece: its content up to the size that its symbol has, the places that tables list in it, constants
// that stand elsewhere.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

Compiler compiler_for(std::string_view machine) {
    for (const Compiler& compiler : compilers())
        if (compiler.machine == machine)
            return compiler;
    return gcc_x86;
}

} // namespace

TEST_CASE("the same instruction, listed for the kernel to rewrite or not, is a change") {
    UnitPair pair;
    const std::string listed = ".pushsection .smp_locks,\\\"a\\\"; .balign 4; .long 671f - .; .popsection; 671: lock; ";
    const auto unit = [](const std::string& prefix) {
        return "void mark(unsigned long *p, long n) { __asm__ volatile(\"" + prefix +
               "btsq %1, %0\" : \"+m\"(*p) : \"Ir\"(n) : \"memory\"); }\n";
    };
    CHECK(pair.run(unit(listed), unit("lock; ")).changed() == Names{"mark"});
    CHECK(pair.run(unit("lock; "), unit(listed)).changed() == Names{"mark"});
    CHECK(pair.run(unit(listed), unit(listed)).diff.nothing_changed);
}

TEST_CASE("a constant behind the code of its section counts for who loads it") {
    const Compiler compiler = compiler_for("aarch64");
    if (!is_installed(compiler)) {
        MESSAGE("skipped: " << compiler.command << " is not installed");
        return;
    }
    UnitPair pair(compiler);
    const std::string unit =
        "#define __sched __attribute__((section(\".sched.text\"), noinline))\n"
        "extern int first, second, use(int);\n"
        "__sched void *get(int x) { void *p; __asm__(\"ldr %0, =%1\" : \"=r\"(p) : \"S\"(&first)); "
        "return p; }\n"
        "__sched int last(int x) { return use(x) + 1; }\n";
    // What it loads cannot be taken along, but it is no "nothing changed".
    CHECK(pair.run(unit, replaced(unit, "&first", "&second")).codes == Codes{"diff.resolved-address"});
    // That it stands elsewhere is no change of the one that loads it.
    const Outcome outcome = pair.run(unit, replaced(unit, "use(x) + 1", "use(x) * 9 + use(x + 4)"));
    CHECK(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"last"});
}

TEST_CASE("a variable is as large as its symbol says") {
    const std::string unit = "static unsigned count[4];\nvoid step(int i) { count[i & 3]++; }\n"
                             "unsigned get(int i) { return count[i & 3]; }\n";
    for (const char* flags : {"-g0", "-fsanitize=kernel-address --param asan-globals=1"}) {
        CAPTURE(flags);
        UnitPair pair;
        const Outcome outcome = pair.run(
            unit,
            replaced(unit, "count[4];\nvoid step(int i) { count[i & 3]", "count[8];\nvoid step(int i) { count[i & 7]"),
            flags);
        REQUIRE(outcome.codes == Codes{"diff.data-changed"});
        CHECK(outcome.errors[0].message.find("from 16 to 32 bytes") != std::string::npos);
    }
}

TEST_CASE("no-ops behind the last function of a section are none of it") {
    const std::string one = "#define __init __attribute__((section(\".init.text\"), noinline))\nextern int use(int);\n"
                            "int __init first(int x) { return use(x) + 1; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(one, one + "int __init second(int x) { return use(x) + 2; }\n").codes == Codes{});
    });
}

TEST_CASE("a function that has the name of a module's section is one") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        const std::string unit = "extern int use(int);\nint ftrace_trampoline(int x) { return use(x); }\n";
        CHECK(pair.run(unit, replaced(unit, "return use(x)", "if (x < 0) return 0; return use(x)")).changed() ==
              Names{"ftrace_trampoline"});
    });
}

TEST_CASE("a constant that is used besides being a line is none") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        const std::string unit =
            "extern int state[4];\nvoid __might_sleep(const char *, int);\n"
            "void f(int a) { state[0] = a * 37; __might_sleep(\"x.c\", 37); }\n"
            "void g(unsigned a, unsigned *b) { *b = a < 37 ? a : 37; __might_sleep(\"x.c\", 37); }\n";
        std::string after = unit;
        for (size_t at = 0; (at = after.find("37", at)) != after.npos; ++at)
            after.replace(at, 2, "41");
        CHECK(pair.run(unit, after).changed() == Names{"f", "g"});
    });
}

TEST_CASE("a chain of thousands of tables comes along whole") {
    const auto unit = [](unsigned length, int first) {
        std::string text = "struct link { const struct link *next; int value; };\nextern int use(int);\n"
                           "static const struct link link0 = { 0, " +
                           std::to_string(first) + " };\n";
        for (unsigned at = 1; at < length; ++at)
            text += "static const struct link link" + std::to_string(at) + " = { &link" + std::to_string(at - 1) +
                    ", 7 };\n";
        return text + "int f(void) { int sum = 0; for (const struct link *p = &link" + std::to_string(length - 1) +
               "; p; p = p->next) sum += p->value; return use(sum); }\n";
    };
    UnitPair pair;
    const Outcome outcome = pair.run(unit(3000, 1), unit(3000, 2));
    REQUIRE(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"f"});
    CHECK(std::ranges::count(outcome.diff.items, "variable", &diff::Item::kind) == 3000 - 1);
}

TEST_CASE("a pointer beside the one to a changed table leads elsewhere") {
    const std::string unit = "static const int first[4] = { 1, 2, 3, 4 }, second[4] = { 5, 6, 7, 8 };\n"
                             "static const struct { const int *row; const char *name; } all[] = { { first, \"a\" }, "
                             "{ second, \"b\" } };\n"
                             "const char *name(int i) { return all[i & 1].name; }\n"
                             "int value(int i, int k) { return all[i & 1].row[k & 3]; }\n";
    const std::string row = "const int *row(int i) { return all[i & 1].row; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const Outcome outcome = pair.run(unit, replaced(unit, "3, 4 }", "3, 9 }"), "-g");
        REQUIRE(outcome.codes == Codes{});
        CHECK(outcome.changed() == Names{"name", "value"});
        CHECK(pair.run(unit + row, replaced(unit, "3, 4 }", "3, 9 }") + row, "-g").codes == Codes{"diff.data-changed"});
    });
}
