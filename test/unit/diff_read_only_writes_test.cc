// Code of the patch that writes to memory which is read-only by then.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string unit = "struct ops { long (*read)(void); long count; };\n"
                         "extern long use(const void *, ...), mine(void);\n"
                         "const struct ops ops = { mine, 4 };\n"
                         "struct ops plain = { mine, 4 };\n"
                         "__attribute__((section(\".data..ro_after_init\"))) long late = 3;\n"
                         "long f(long x) { return use(&ops, plain.count, late) + x; }\n"
                         "long start(long x) { late = x; return x; }\n";

Codes codes_with(const std::string& statement) {
    UnitPair pair;
    return pair.run(unit, replaced(unit, "long f(long x) { return", "long f(long x) { " + statement + " return")).codes;
}

} // namespace

TEST_CASE("a write to a read-only table or variable of the kernel is refused") {
    const Codes refused = {"diff.read-only-write"};
    CHECK(codes_with("*(long *)&ops.count = x;") == refused);
    CHECK(codes_with("*(void *volatile *)&ops.read = 0;") == refused);
    CHECK(codes_with("late = x;") == refused);
    CHECK(codes_with("late++;") == refused);
}

TEST_CASE("reading there, and writing to what is writable, is not") {
    CHECK(codes_with("x += ops.count + late;") == Codes{});
    CHECK(codes_with("plain.count = x;") == Codes{});
    CHECK(codes_with("plain.read = ops.read;") == Codes{});
    CHECK(codes_with("x += ops.read();") == Codes{});
    CHECK(codes_with("x += late == 7;") == Codes{});
}

TEST_CASE("a function that wrote there before the patch may be one of the start") {
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "late = x;", "late = x + 1;")).codes == Codes{});
}

TEST_CASE("what is new is not to be made read-only") {
    UnitPair pair;
    const Outcome outcome =
        pair.run(unit, replaced(unit, "long f(long x) {",
                                "__attribute__((section(\".data..ro_after_init\"))) long fresh = 3;\n"
                                "long f(long x) { fresh = x;"));
    CHECK(outcome.codes == Codes{"diff.read-only-write"});
    REQUIRE(outcome.errors.size() == 1);
    CHECK(outcome.errors.front().hint.find("leave __ro_after_init") != std::string::npos);
}

TEST_CASE("what runs at the start does not write there again") {
    const std::string boot = "__attribute__((section(\".init.text\"))) long boot(long x) { return x; }\n";
    UnitPair pair;
    CHECK(pair.run(unit + boot, replaced(unit + boot, "boot(long x) {", "boot(long x) { late = x;")).codes ==
          Codes{"diff.init-changed"});
}
