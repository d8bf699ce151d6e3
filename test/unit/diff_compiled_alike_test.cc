// A patched unit that was compiled in another way than the original one: what the patch changes is told by a third
// object.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// READ is another thing in the third object, as a static key is.
const std::string unit = "extern int key; void use(int);\n"
                         "int f(int x) { if (READ) use(x); return x + 1; }\n"
                         "int g(int x) { if (READ) use(x * 3); return x * 5; }\n";
const std::string alike = "#define READ key\n";
const std::string other = "#define READ *(volatile int *)&key > 7\n";

Outcome run(UnitPair& pair, const std::string& before, const std::string& after, const std::string& elsewhere) {
    const elf::Object compared = elf::Object::open(pair.compile("alike", alike + after, {}));
    pair.options.compiled_alike = &compared;
    return pair.run(alike + before, other + elsewhere);
}

} // namespace

TEST_CASE("compiled in another way: only what the patch changes is changed") {
    UnitPair pair;
    const std::string after = replaced(unit, "x + 1", "x + 2");
    CHECK(run(pair, unit, after, after).changed() == Names{"f"});
    // Without the third object, both differ.
    pair.options.compiled_alike = nullptr;
    CHECK(pair.run(alike + unit, other + after).changed() == Names{"f", "g"});
}

TEST_CASE("compiled in another way: nothing differs if the patch changes nothing") {
    UnitPair pair;
    CHECK(run(pair, unit, unit, unit).diff.nothing_changed);
}

TEST_CASE("compiled in another way: a change that went into other functions is not lost") {
    UnitPair pair;
    const std::string helped = "int use(int);\n__attribute__((noinline)) static int h(int x) { return use(x) * 3; }\n"
                               "int f(int x) { return h(x) + h(x + 9); }\n";
    const std::string after = replaced(helped, "* 3", "* 4");
    const std::string inlined =
        replaced(after, "__attribute__((noinline)) static", "__attribute__((always_inline)) static");
    CHECK(run(pair, helped, after, inlined).codes == Codes{"diff.compiled-apart"});
}

TEST_CASE("compiled in another way: what only became part of others is not called removed") {
    UnitPair pair;
    const std::string helped = unit + "__attribute__((noinline)) static int h(int x) { return x * 3; }\n"
                                      "int i(int x) { return h(x) + h(x + 9); }\n";
    const std::string after = replaced(helped, "x + 1", "x + 2");
    const std::string inlined =
        replaced(after, "__attribute__((noinline)) static", "__attribute__((always_inline)) static");
    const Outcome outcome = run(pair, helped, after, inlined);
    CHECK(outcome.changed() == Names{"f"});
    CHECK_FALSE(outcome.has_finding("diff.function-removed"));
}
