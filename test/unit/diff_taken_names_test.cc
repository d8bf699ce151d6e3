// New definitions that the kernel has by the same name from another unit; jumps that only a call could make.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

TEST_CASE("taken names: a new definition of what the kernel has is refused") {
    const std::string unit = "int f(int x) { return x + 1; }\n";
    for (const char* fresh : {"int taken(int x) { return x * 7; }\n", "int taken = 5;\n"}) {
        UnitPair pair;
        CHECK(pair.run(unit, unit + fresh).codes.empty());
        pair.resolver.special["taken"] = {symbols::Resolution::Kind::livepatch, "vmlinux", 0, true, {}, false, {}};
        CHECK(pair.run(unit, unit + fresh).codes == Codes{"diff.name-taken"});
        pair.resolver.special["taken"] = {symbols::Resolution::Kind::imported, "vmlinux", 0, true, {}, false, {}};
        CHECK(pair.run(unit, unit + fresh).codes == Codes{"diff.name-taken"});
        // Another object's symbol of that name is another symbol.
        pair.resolver.special["taken"] = {symbols::Resolution::Kind::livepatch, "ext4", 0, true, {}, false, {}};
        CHECK(pair.run(unit, unit + fresh).codes.empty());
        CHECK(pair.run(unit, unit + "static " + fresh + "int g(void) { return (long)&taken; }\n").codes.empty());
    }
}

TEST_CASE("sibling calls: out of the live patch they are refused on ppc64le") {
    const Compiler& ppc64le = compilers()[3];
    if (!is_installed(ppc64le)) {
        MESSAGE("skipped: no " << ppc64le.command);
        return;
    }
    const std::string unit =
        "extern int ext(int);\n__attribute__((noinline)) static int old(int x) { return ext(x) * 3 + "
        "ext(x + 1); }\n"
        "int g(int x) { return old(x) + 1; }\nint f(int x) { return ext(x) + 1; }\n";
    UnitPair pair(ppc64le);
    const std::string jump = replaced(unit, "{ return ext(x) + 1; }", "{ return old(x + 2); }");
    CHECK(pair.run(unit, jump).codes == Codes{"diff.sibling-call"});
    CHECK(pair.run(unit, jump, "-fno-optimize-sibling-calls").codes.empty());
    // To what comes along it is a jump within the module.
    CHECK(pair.run(unit, replaced(jump, "ext(x) * 3", "ext(x) * 5")).codes.empty());
}
