// Changes in functions that nobody calls any more.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string noinline_ = "__attribute__((noinline)) ";
const std::string init = "__attribute__((section(\".init.text\"))) ";

} // namespace

TEST_CASE("a function of the unit that only init code calls comes too late") {
    const std::string unit = "extern int ext(int);\n" + ("static " + noinline_) +
                             "int f(int x) { return ext(x) + 1; }\n" + init + "int start(int x) { return f(x) + 3; }\n";
    const auto warns = [](const std::string& before) {
        UnitPair pair;
        const Outcome outcome = pair.run(before, replaced(before, "ext(x) + 1", "ext(x) + 2"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"f"});
        return outcome.has_finding("diff.start-only");
    };
    CHECK(warns(unit));
    // What stands elsewhere of its own code jumps back into it.
    CHECK(warns(replaced(unit, "return ext(x) + 1",
                         "asm volatile(\"1: nop\\n.pushsection .altinstr_aux,\\\"ax\\\"\\n"
                         "jmp 1b\\n.popsection\"); return ext(x) + 1")));
    CHECK_FALSE(warns(unit + "int late(int x) { return f(x) + 5; }\n"));
    CHECK_FALSE(warns(unit + "int (*pointer)(int) = f;\n"));
    CHECK_FALSE(warns(replaced(unit, "f(x) + 3", "f(x) + ext((int)(long)f)")));
}

TEST_CASE("of a global function the kernel is asked, if the unit does not know better") {
    const std::string unit = "extern int ext(int);\n" + noinline_ + "int f(int x) { return ext(x) + 1; }\n" +
                             noinline_ + "int g(int x) { return ext(x) + 1; }\nint user(int x) { return g(x) + 3; }\n";
    UnitPair pair;
    std::vector<std::string> asked;
    pair.options.is_used_only_at_start = [&](const elf::Symbol& symbol) {
        asked.emplace_back(symbol.name);
        return true;
    };
    const std::string after = replaced(replaced(unit, "ext(x) + 1", "ext(x) + 2"), "ext(x) + 1", "ext(x) + 2");
    const Outcome outcome = pair.run(unit, after);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f", "g"});
    CHECK(asked == std::vector<std::string>{"f"});
    CHECK(outcome.has_finding("diff.start-only"));
}
