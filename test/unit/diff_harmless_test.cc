// Differences that do no harm, and those that only look like them.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// In the kernel's words: functions that take a line say so by their names (line_arguments.h).
const std::string takers = "extern void __might_sleep(const char *file, int line, int more);\n"
                           "extern void __ext4_journal_stop(const char *where, unsigned line, void *handle);\n"
                           "extern void retry(const char *who, int milliseconds);\n";

Names what(const Outcome& outcome) {
    Names all;
    for (const diff::LeftOut& it : outcome.diff.harmless)
        all.push_back(it.function + ": " + it.what);
    return all;
}

} // namespace

TEST_CASE("a line that is passed to a function which reports it is harmless, and said") {
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        const std::string unit = takers + "int f(int x) { if (x) __might_sleep(__FILE__, __LINE__, 0); return x; }\n"
                                          "void g(void *h) { __ext4_journal_stop(__func__, __LINE__, h); }\n";
        for (const char* flags : {"", "-g"}) {
            CAPTURE(flags);
            Outcome outcome = pair.run(unit, "\n\n\n" + unit, flags);
            CHECK(outcome.diff.nothing_changed);
            CHECK(what(outcome) == Names{"f: a line that is passed to a function which reports it",
                                         "g: a line that is passed to a function which reports it"});
        }
    }
}

TEST_CASE("a number beside a source's or function's name is a line only to a function that takes lines") {
    UnitPair pair;
    const std::string unit = takers + "void f(void) { retry(__func__, 10); }\nvoid g(void) { retry(__FILE__, 20); }\n"
                                      "void h(void) { retry(\"h\", __LINE__); }\n"
                                      "void i(void) { __might_sleep(__FILE__, 3, 5); }\n";
    CHECK(pair.run(unit, replaced(unit, "10", "2000")).changed() == Names{"f"});
    CHECK(pair.run(unit, replaced(unit, "20", "21")).changed() == Names{"g"});
    CHECK(pair.run(unit, replaced(unit, "void h(void)", "\nvoid h(void)"), "-g").changed() == Names{"h"});
    CHECK(pair.run(unit, replaced(unit, "3, 5", "3, 6")).changed() == Names{"i"});
}

TEST_CASE("debug data has the last word on what is a line") {
    const std::string unit = takers + "void f(void) { __might_sleep(__FILE__, __LINE__, 0); }\n"
                                      "void g(void) {\n    __might_sleep(\"x.c\", 4200, 0); }\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "4200", "4300"), "-g").changed() == Names{"g"});
    CHECK(pair.run(unit, "\n\n" + unit, "-g").diff.nothing_changed);
}

TEST_CASE("lines that functions of ACPI and ext4 take are known without debug data") {
    const std::string unit = "extern void acpi_error(const char *, unsigned, const char *, ...);\n"
                             "extern void *__ext4_iget(void *, unsigned long, int, const char *, unsigned);\n"
                             "void f(int x) { acpi_error(\"mod\", __LINE__, \"bad %d\", x); }\n"
                             "void *g(void *sb) { return __ext4_iget(sb, 2, 0, __func__, __LINE__); }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(unit, "\n" + unit).diff.nothing_changed);
    });
}

TEST_CASE("a text that looks like a place in a source is a text") {
    UnitPair pair;
    const std::string unit = "extern int match(const char *);\nint f(void) { return match(\"quirk@foo.c:12\"); }\n"
                             "int g(void) { return match(\"1 32 8 3 foo:12\"); }\n";
    CHECK(pair.run(unit, replaced(unit, "foo.c:12", "foo.c:13")).changed() == Names{"f"});
    CHECK(pair.run(unit, replaced(unit, "foo:12", "foo:13")).changed() == Names{"g"});
}

TEST_CASE("the line in an entry of __bug_table is harmless, its flags are not") {
    UnitPair pair;
    const std::string unit = "int f(int x) { if (x == 3) asm volatile(\"1: ud2\\n.pushsection __bug_table,\\\"aw\\\"\\n"
                             "2: .long 1b - .\\n .long %c0 - .\\n .word LINE\\n .word FLAGS\\n .popsection\" : : "
                             "\"i\"(__FILE__)); return x + 1; }\n";
    const std::string before = replaced(replaced(unit, "LINE", "17"), "FLAGS", "0");
    Outcome outcome = pair.run(before, replaced(before, "17", "18"));
    CHECK(outcome.diff.nothing_changed);
    CHECK(what(outcome) == Names{"f: a line in __bug_table"});
    CHECK(pair.run(before, replaced(before, ".word 0", ".word 1")).changed() == Names{"f"});
}

TEST_CASE("UBSAN's name of a type that has none says where it is, which is no content") {
    const auto unit = [](const std::string& line, const std::string& size) {
        return "#line " + line + " \"u.c\"\nstruct s { struct { int a, b; } list[" + size +
               "]; };\n#line 20 \"u.c\"\nint f(struct s *p, int i) { return p->list[i].b; }\n";
    };
    UnitPair pair(clang_x86());
    const std::string checks = "-fsanitize=bounds -fstrict-flex-arrays=3 -fdata-sections";
    CHECK(pair.run(unit("3", "6"), unit("5", "6"), checks).diff.nothing_changed);
    CHECK(pair.run(unit("3", "6"), unit("5", "7"), checks).changed() == Names{"f"});
}
