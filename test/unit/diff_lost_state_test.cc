// Variables that the patch takes away from code that it replaces.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string head = "extern int next(void);\nextern void warn(int) __attribute__((cold));\n";

std::string force(const std::string& function) {
    return "__attribute__((section(\".kpatch.force\"), used)) static const void *force_" + function +
           " = (const void *)" + function + ";\n";
}

} // namespace

TEST_CASE("lost state: a static local of an unlikely part is one of the function") {
    UnitPair pair;
    const std::string unit = head + "int f(int x) { if (__builtin_expect(x, 0)) { static int errors; warn(++errors); "
                                    "warn(1); return -5; } return 0; }\n";
    CHECK(pair.run(unit, replaced(replaced(unit, "static int errors; ", ""), "++errors", "2")).codes ==
          Codes{"diff.static-local-removed"});
}

TEST_CASE("lost state: a variable of the file goes by the same rule") {
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair pair(compiler);
            const std::string unit = head + "static int count;\nint f(int x) { return count += next() * x; }\n"
                                            "int g(int x) { return count -= x; }\n";
            const std::string renamed = head + "static int number;\nint f(int x) { return number += next() * x; }\n"
                                               "int g(int x) { return number -= x; }\n";
            CHECK(pair.run(unit, renamed).codes == Codes{"diff.static-data-removed"});
            // One function still forces the refusal; with both the author knows better.
            CHECK(pair.run(unit, renamed + force("f")).codes == Codes{"diff.static-data-removed"});
            Outcome outcome = pair.run(unit, renamed + force("f") + force("g"));
            CHECK(outcome.codes.empty());
            CHECK(outcome.has_finding("diff.static-data-removed"));
        },
        {gcc_x86, clang_x86()});
}

TEST_CASE("lost state: a function that goes on inlined in its callers takes its static variables with it") {
    UnitPair pair;
    const std::string unit = head +
                             "static __attribute__((noinline)) int g(int x) { static int calls = 3; calls += x & 7; "
                             "return next() * calls; }\nint f(int x) { return g(x & 127) + 1; }\n";
    CHECK(pair.run(unit, replaced(replaced(unit, "calls += x & 7; ", ""), "static __attribute__((noinline))",
                                  "static inline"))
              .codes == Codes{"diff.static-local-removed"});
}

TEST_CASE("lost state: what the unit only reads keeps its value") {
    UnitPair pair;
    const std::string param =
        "static int limit = 9;\n__attribute__((section(\"__param\"), used)) static int *param = &limit;\n";
    const std::string read = "int f(int x) { return next() * x + limit; }\n";
    const std::string none = "int f(int x) { return next() * x; }\n";
    CHECK(pair.run(head + param + read, head + none).codes.empty());
    CHECK(pair.run(head + param + "int f(int x) { return next() * x + limit++; }\n", head + none).codes ==
          Codes{"diff.static-data-removed"});
    // Something else is in its place, and starts anew.
    const std::string other =
        "static int bound = 9;\n__attribute__((section(\"__param\"), used)) static int *param = &bound;\n";
    CHECK(pair.run(head + param + read, head + other + replaced(read, "limit", "bound")).codes ==
          Codes{"diff.static-data-removed"});
}

TEST_CASE("lost state: what goes with all that used it is no loss") {
    UnitPair pair;
    const std::string user = "static int count;\n__attribute__((noinline)) int g(int x) { return count -= x; }\n";
    const std::string rest = "int f(int x) { return next() * x; }\n";
    Outcome outcome = pair.run(head + user + rest, head + replaced(rest, "next() *", "next() -"));
    CHECK(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("lost state: a global variable that is defined elsewhere now") {
    UnitPair pair;
    const std::string use = "int f(int x) { return count += next() * x; }\n";
    const std::string before = head + "int count;\n" + use;
    const std::string after = head + "extern int count;\n" + replaced(use, "next() *", "next() -");
    CHECK(pair.run(before, after).codes.empty());
    // Another unit of the patch brings it: it begins anew.
    pair.options.is_provided = [](std::string_view name) { return name == "count"; };
    CHECK(pair.run(before, after).codes == Codes{"diff.static-data-removed"});
}

TEST_CASE("lost state: the key of a lock is made anew, though its register holds it over other calls") {
    // On s390 the fifth argument is in a register that calls keep, and the compiler loads it early.
    const std::string unit =
        "struct key { int subkeys[2]; };\nextern void __mutex_init(void *, const char *, struct key *);\n"
        "extern void __raw_spin_lock_init(void *, const char *, struct key *, short);\nextern void other(void *);\n"
        "extern void init_timer_key(void *, void (*)(void *), unsigned, const char *, struct key *);\n"
        "static void expire(void *t) {}\n"
        "void *make(char *o) { if (!o) return 0;\n"
        "{ static struct key __key; __mutex_init(o, \"a\", &__key); }\n"
        "{ static struct key __key; __raw_spin_lock_init(o + 32, \"b\", &__key, 0); }\n"
        "{ static struct key __key; init_timer_key(o + 64, expire, 0, \"t\", &__key); }\nreturn o; }\n";
    const std::string mutex = "{ static struct key __key; __mutex_init(o, \"a\", &__key); }\n";
    const std::string lock = "{ static struct key __key; __raw_spin_lock_init(o + 32, \"b\", &__key, 0); }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const Outcome outcome =
            pair.run(unit, replaced(replaced(unit, mutex + lock, lock + mutex), "expire, 0", "expire, 1"));
        CHECK(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"make"});
    });
}
