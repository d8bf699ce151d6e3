// New per-cpu variables are where a module's loader looks for them.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// As linux/percpu-defs.h has it for vmlinux.
std::string variable(const std::string& kind, const std::string& name, const std::string& attributes = "") {
    return "static __attribute__((section(\".data..percpu" + kind + "\"))) int " + name + " " + attributes + ";\n";
}

std::string user(const std::string& name) {
    return "int f(int x) { asm(\"incl %%gs:%0\" : \"+m\"(" + name + ")); return x + 2; }\n";
}

const std::string before = "int f(int x) { return x + 1; }\n";

} // namespace

TEST_CASE("per-cpu: every kind of new variable goes to the one section of a module") {
    with_compilers(
        [&](const Compiler& compiler) {
            for (const char* kind :
                 {"", "..shared_aligned", "..read_mostly", "..page_aligned", "..first", "..hot.value"}) {
                CAPTURE(kind);
                UnitPair pair(compiler);
                Outcome outcome =
                    pair.run(before, variable(kind, "value", "__attribute__((aligned(64)))") + user("value"));
                REQUIRE(outcome.codes.empty());
                const elf::Symbol* value = outcome.symbol("value");
                REQUIRE(value);
                const elf::Section& section = outcome.output->section(value->section);
                CHECK(section.name == ".data..percpu");
                CHECK(section.alignment >= 64);
            }
        },
        {gcc_x86, clang_x86()});
}

TEST_CASE("per-cpu: what the kernel has stays where it is") {
    UnitPair pair;
    const std::string unit = variable("..read_mostly", "value") + user("value");
    Outcome outcome = pair.run(unit, replaced(unit, "x + 2", "x + 3"));
    REQUIRE(outcome.codes.empty());
    CHECK_FALSE(outcome.output->find_section(".data..percpu"));
    CHECK_FALSE(outcome.output->find_section(".data..percpu..read_mostly"));
}

TEST_CASE("per-cpu: memory that is shared with the hypervisor cannot be had") {
    UnitPair pair;
    CHECK(pair.run(before, variable("..decrypted", "value") + user("value")).codes == Codes{"diff.decrypted-data"});
}
