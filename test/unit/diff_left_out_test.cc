// What does not come along is said, and never passes for "nothing changed".
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

std::string ignore_function(const std::string& function) {
    return "__attribute__((section(\".kpatch.ignore.functions\"), used)) static void *ignore_" + function +
           " = (void *)" + function + ";\n";
}

std::string ignore_section(const std::string& section) {
    return "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignore_section = \"" + section +
           "\";\n";
}

Codes late_codes(const Outcome& outcome) {
    Codes codes;
    for (const report::Finding& finding : diff::changes_without_effect(outcome.diff.findings)) {
        CHECK(finding.severity == report::Severity::error);
        codes.push_back(finding.code);
    }
    return codes;
}

const std::string callers = "extern int ext(int);\nstatic __attribute__((no_instrument_function, noinline)) int "
                            "inner(int x) { return ext(x) + 1; }\n"
                            "int outer(int x) { return inner(x) * 2; }\nint other(int x) { return ext(x) + 5; }\n";

} // namespace

TEST_CASE("left out: a function that the author ignores is no all-clear") {
    UnitPair pair;
    const std::string unit = "int f(int x) { return x + 1; }\n" + ignore_function("f");
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.diff.nothing_changed);
    CHECK(late_codes(outcome) == Codes{"diff.only-ignored-changes"});
    CHECK(late_codes(pair.run(unit, unit)).empty());
}

TEST_CASE("left out: a section that the author ignores is no all-clear if it differs") {
    UnitPair pair;
    const std::string unit = "int value = 1;\nint f(int x) { return x + value; }\n" + ignore_section(".data.value");
    Outcome outcome = pair.run(unit, replaced(unit, "value = 1", "value = 2"));
    REQUIRE(outcome.diff.nothing_changed);
    CHECK(late_codes(outcome) == Codes{"diff.only-ignored-changes"});
    CHECK(late_codes(pair.run(unit, unit)).empty());
}

TEST_CASE("left out: what cannot be hooked and whose callers are ignored reaches nobody") {
    UnitPair pair;
    const std::string changed = replaced(callers, "ext(x) + 1", "ext(x) + 2") + ignore_function("outer");
    CHECK(pair.run(callers, changed).codes == Codes{"diff.unreachable-change"});
    CHECK(pair.run(callers, replaced(changed, "ext(x) + 5", "ext(x) + 6")).codes == Codes{"diff.unreachable-change"});
    Outcome outcome = pair.run(callers, changed + ignore_function("inner"));
    CHECK(outcome.codes.empty());
    CHECK(late_codes(outcome) == Codes{"diff.only-ignored-changes", "diff.only-ignored-changes"});
}

TEST_CASE("left out: with another caller the ignored one is warned of") {
    UnitPair pair;
    const std::string more = "int second(int x) { return inner(x) * 3; }\n";
    Outcome outcome =
        pair.run(callers + more, replaced(callers, "ext(x) + 1", "ext(x) + 2") + more + ignore_function("outer"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"second"});
    CHECK(outcome.has_finding("diff.unreachable-change"));
}
