// A variable with a second name, and entries of tables that the compiler numbers.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// As MODULE_DEVICE_TABLE() of linux/module.h does it.
const std::string table = "static const int ids[2] = {4, 0};\n";
const std::string alias = "extern const int __mod_pci__ids_device_table[2] __attribute__((unused, alias(\"ids\")));\n";
const std::string driver = "struct driver { const int *ids; int state; };\nstatic struct driver driver = {ids, 1};\n"
                           "struct driver *get(void) { return &driver; }\nint f(int x) { return x + ids[x]; }\n";

std::string traced(int number) {
    return "static const char *___tp_str" + std::string() +
           " __attribute__((section(\"__tracepoint_str\"), used)) = \"s" + std::to_string(number) + "\";";
}

} // namespace

TEST_CASE("alias: a table that gets a second name is the same table") {
    UnitPair pair;
    const std::string plain = table + driver, named = table + alias + driver;
    CHECK(pair.run(plain, named).codes.empty());
    CHECK(pair.run(plain, named).diff.nothing_changed);
    CHECK(pair.run(named, plain).diff.nothing_changed);
    Outcome fixed = pair.run(plain, replaced(named, "x + ids[x]", "x - ids[x]"));
    CHECK(fixed.codes.empty());
    CHECK(fixed.changed() == Names{"f"});
}

TEST_CASE("tables: entries whose names are numbers in a function are known by what they say") {
    UnitPair pair;
    const std::string unit = "extern void out(const char*);\nint f(int x) { { " + traced(1) + " out(___tp_str); } { " +
                             traced(2) + " out(___tp_str); } return x + 1; }\nint g(int x) { return x + 5; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 5", "x + 6"));
    CHECK(outcome.changed() == Names{"g"});
    CHECK_FALSE(outcome.has_finding("diff.registry-added"));
    CHECK_FALSE(outcome.has_finding("diff.registry-changed"));
    CHECK(pair.run(unit, replaced(unit, "s2", "s3")).has_finding("diff.registry-changed"));
}
