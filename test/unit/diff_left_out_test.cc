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

TEST_CASE("an __init function that differs only by what was inlined into it has run and is left out") {
    UnitPair pair;
    const std::string unit = "extern int use(int);\n"
                             "static inline __attribute__((always_inline)) int helper(int x) { return use(x) + 1; }\n"
                             "__attribute__((section(\".init.text\"))) int start(int x) { return helper(x); }\n"
                             "int f(int x) { return helper(x) * 3; }\n";
    const std::string changed = replaced(unit, "use(x) + 1", "use(x) + 2");
    CHECK(pair.run(unit, changed).codes == Codes{"diff.init-changed"});

    pair.options.is_untouched = [](std::string_view function) { return function == "start"; };
    const Outcome outcome = pair.run(unit, changed);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.has_finding("diff.init-inlined"));

    // As module_init() has it.
    auto as_module = [](const std::string& text) {
        return replaced(text, "int start", "static int start") +
               "int init_module(int) __attribute__((alias(\"start\")));\n";
    };
    CHECK(pair.run(as_module(unit), as_module(changed)).changed() == Names{"f"});

    pair.options.is_untouched = [](std::string_view function) { return function == "f"; };
    CHECK(pair.run(unit, changed).codes == Codes{"diff.init-changed"});
}

TEST_CASE("nothing but what has run is no change without a word") {
    UnitPair pair;
    const std::string unit = "static inline __attribute__((always_inline)) int helper(int x) { return x + 1; }\n"
                             "__attribute__((section(\".init.text\"))) int start(int x) { return helper(x); }\n";
    pair.options.is_untouched = [](std::string_view) { return true; };
    const Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.diff.nothing_changed);
    const std::vector<report::Finding> errors = diff::changes_without_effect(outcome.diff.findings);
    REQUIRE(errors.size() == 1);
    CHECK(errors.front().code == "diff.init-inlined");
}
