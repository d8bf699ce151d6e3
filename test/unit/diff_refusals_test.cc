// Everything that stands in the way of a unit is said in one round, and nothing that follows from something else.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string unit = "extern int of_module(int), gone(int);\n"
                         "int level = 1;\n"
                         "int f(int x) { return x + level; }\n";

// Both a fault of what is selected and one of what the output refers to.
const std::string two_faults = "extern int of_module(int), gone(int);\n"
                               "int level = 2;\n"
                               "int f(int x) { return gone(x) + level; }\n";

void lacks(UnitPair& pair, const std::string& name) {
    pair.resolver.special[name] = {symbols::Resolution::Kind::absent, {}, 0, false, {}, false, {}};
}

} // namespace

TEST_CASE("refusals: faults of selection and of emission come in one round") {
    UnitPair pair;
    lacks(pair, "gone");
    CHECK(pair.run(unit, two_faults).codes == Codes{"diff.data-changed", "diff.unresolved"});
}

TEST_CASE("refusals: no callback is promised for a variable of a function") {
    const auto hint = [](const std::string& unit) {
        UnitPair pair;
        const Outcome outcome = pair.run(unit, replaced(unit, "= 5", "= 6"));
        CHECK(outcome.codes == Codes{"diff.data-changed"});
        return outcome.errors.empty() ? std::string() : outcome.errors.front().hint;
    };
    const std::string use_of_it = "(long x) { limit += x; return limit; }\n";
    CHECK(hint("static long limit = 5;\nlong f" + use_of_it).find("--rewrite DIR") != std::string::npos);
    const std::string own = hint("long f(long x) { static long limit = 5; limit += x; return limit; }\n");
    CHECK(own.find("--rewrite") == std::string::npos);
    CHECK(own.find("have the function use the new value") != std::string::npos);
}

TEST_CASE("refusals: faults of callbacks come with all others") {
    UnitPair pair;
    lacks(pair, "gone");
    pair.resolver.owner = "fuse";
    pair.resolver.special["of_module"] = {symbols::Resolution::Kind::livepatch, "fuse", 0, true, {}, false, {}};
    const std::string callbacks =
        "static int before(void *object) { return of_module(1); }\n"
        "__attribute__((section(\".discard.klp_callback_ptrs\"), used)) static void *__klp_pre_patch_callback_ext4 = "
        "(void *)before;\n";
    CHECK(pair.run(unit, two_faults + callbacks).codes ==
          Codes{"diff.data-changed", "diff.callback-object", "diff.unresolved"});
}

TEST_CASE("refusals: a missing symbol is said once") {
    UnitPair pair;
    lacks(pair, "gone");
    const std::string twice =
        replaced(unit, "return x + level;", "return gone(x) + gone(level);") + "int g(int x) { return gone(x) - 1; }\n";
    CHECK(pair.run(unit, twice).codes == Codes{"diff.unresolved"});
}

TEST_CASE("refusals: what a function needs that cannot be patched anyway does not matter") {
    auto source = [](const std::string& helper, const std::string& f, const std::string& g) {
        return "extern int gone(int);\n"
               "static __attribute__((noinline, noclone)) int helper(int x) { return " +
               helper +
               "; }\n"
               "__attribute__((section(\".init.text\"))) int f(int x) { return " +
               f +
               " * 3; }\n"
               "int g(int x) { return " +
               g + " + 1; }\n";
    };
    UnitPair pair;
    lacks(pair, "gone");
    lacks(pair, "f");
    // Nothing but f needs the new function that refers to `gone`, and nobody has to find the old f.
    CHECK(pair.run(source("x", "x", "x"), source("gone(x)", "helper(x)", "x")).codes == Codes{"diff.init-changed"});
    // Here g needs it as well.
    CHECK(pair.run(source("x", "x", "x"), source("gone(x)", "helper(x)", "helper(x)")).codes ==
          Codes{"diff.init-changed", "diff.unresolved"});
}

TEST_CASE("refusals: a short jump out of a section of its own is gone with what its hint says") {
    const auto unit = [](const std::string& behind, const std::string& section) {
        const std::string sched = "__attribute__((section(\"" + section + "\"), noinline)) ";
        return "extern int take(long *), wait_for(long *);\n" + sched + "static void slow(long *l) { wait_for(l); }\n" +
               sched + "void lock(long *l) { if (!take(l)) { slow(l); " + behind + " } }\n";
    };
    const auto with_check = [](const std::string& source) { return replaced(source, "if (!take", "if (l && !take"); };
    for (const std::string section : {".sched.text", ".text"}) {
        CAPTURE(section);
        UnitPair pair;
        const Outcome outcome = pair.run(unit("", section), with_check(unit("", section)));
        REQUIRE(outcome.codes == Codes{"diff.short-branch"});
        const bool names_barrier = outcome.errors.front().hint.find("barrier()") != std::string::npos;
        CHECK(names_barrier == (section != ".text"));
    }
    UnitPair pair;
    const Outcome followed =
        pair.run(unit("", ".sched.text"), with_check(unit("asm volatile(\"\" ::: \"memory\");", ".sched.text")));
    REQUIRE(followed.codes.empty());
    CHECK(followed.changed() == Names{"lock"});
}
