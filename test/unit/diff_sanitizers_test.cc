// What KASAN's instrumentation puts into an object beside the author's code.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const char* const kasan = "-fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 --param asan-globals=1 "
                          "--param asan-stack=1 --param asan-instrumentation-with-call-threshold=0";

// printk() with CONFIG_PRINTK_INDEX (include/linux/printk.h)
const std::string printk =
    "struct pi_entry { const char *fmt, *func, *file; unsigned line; };\nextern int _printk(const char *, ...);\n"
    "#define printk(f) ({ static const struct pi_entry _entry __attribute__((used)) = { f, __func__, __FILE__, "
    "__LINE__ };"
    " static const struct pi_entry *_entry_ptr __attribute__((used, section(\".printk_index\"))) = &_entry;"
    " _printk(f); })\n";

} // namespace

TEST_CASE("a line in the index of messages is nothing that changed, though KASAN watches it") {
    UnitPair pair;
    const std::string unit = printk + "int f(int id) { if (id < 0) printk(\"bad\\n\"); return id; }\n";
    CHECK(pair.run(unit, "\n" + unit, kasan).diff.nothing_changed);
    CHECK(pair.run(unit, replaced(unit, "id < 0", "id < 1"), kasan).changed() == Names{"f"});
}

TEST_CASE("a table that only its functions see comes along with them, though KASAN watches it") {
    UnitPair pair;
    const std::string unit = "static const int table[] = {3, 1, 4, 1, 5};\nint f(unsigned i) { return table[i % 5]; }\n"
                             "int g(int x) { return x; }\n";
    const Outcome outcome = pair.run(unit, replaced(unit, "1, 5}", "1, 6}"), kasan);
    CHECK(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("the compiler's counter in KASAN's description of a frame is no difference, its variables are") {
    UnitPair pair;
    const std::string unit = "void f(const char **frame) { *frame = \"1 32 8 7 ISRA.82\"; }\n";
    CHECK(pair.run(unit, replaced(unit, "ISRA.82", "ISRA.85")).diff.nothing_changed);
    CHECK(pair.run(unit, replaced(unit, "7 ISRA.82", "8 ISRA.100")).diff.nothing_changed);
    CHECK(pair.run(unit, replaced(unit, "ISRA.82", "SIRA.82")).changed() == Names{"f"});
    CHECK(pair.run(unit, replaced(unit, "1 32 8", "1 32 9")).changed() == Names{"f"});
}
