// What the kernel reads, or writes into its code, at boot only. On x86_64 objects of GCC.
#include "diff_units.h"

#include "arch/machine.h"

using namespace klp;
using namespace klp::test;

namespace {

// As arch/x86/include/asm/runtime-const.h lays them out.
const std::string runtime_constants = R"(
#define CONSTANT_IN(reg, sym) ({ register unsigned long value asm(#reg); \
    asm("mov %1,%0\n1:\n.pushsection runtime_ptr_" #sym ",\"a\"\n\t.long 1b - 8 - .\n.popsection" \
        : "=r" (value) : "i" (0x0123456789abcdefUL)); value; })
#define SHIFT(value, sym) ({ unsigned result = (value); \
    asm("shrl $12,%k0\n1:\n.pushsection runtime_shift_" #sym ",\"a\"\n\t.long 1b - 1 - .\n.popsection" \
        : "+r" (result)); result; })
)";

} // namespace

TEST_CASE("a constant that the kernel writes into its code at boot is read from its variable") {
    for (const char* reg : {"rax", "rdi", "r8", "r15"}) {
        CAPTURE(reg);
        UnitPair pair;
        std::string unit =
            runtime_constants + "int f(unsigned long x) { return x <= CONSTANT_IN(" + reg + ", the_limit) ? 3 : 7; }";
        Outcome outcome = pair.run(unit, replaced(unit, "? 3", "? 4"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"f"});
        CHECK(outcome.refers(".text.f", "the_limit"));
        CHECK_FALSE(outcome.output->find_section("runtime_ptr_the_limit"));
        const elf::Section* text = outcome.output->find_section(".text.f");
        REQUIRE(text);
        std::vector<std::string> loads;
        const arch::Machine& machine = arch::Machine::of(*outcome.output);
        for (const arch::Instruction& instruction : machine.disassemble({text->data, 0, text->data.size()}, true)) {
            CHECK(instruction.is_valid);
            CHECK(instruction.text.find("81985529216486895") == std::string::npos); // 0x0123456789abcdef
            if (instruction.text.find("(%rip), %" + std::string(reg)) != std::string::npos)
                loads.push_back(instruction.text);
        }
        CHECK(loads.size() == 1);
    }
}

TEST_CASE("another runtime constant in the same code is a change") {
    UnitPair pair;
    std::string unit = runtime_constants + "unsigned long f(void) { return CONSTANT_IN(rax, first); }";
    CHECK(pair.run(unit, replaced(unit, "first)", "second)")).changed() == Names{"f"});
}

TEST_CASE("a runtime constant that is part of a shift is refused") {
    UnitPair pair;
    std::string unit = runtime_constants + "unsigned f(unsigned x) { return SHIFT(x, bits) + 1; }";
    CHECK(pair.run(unit, replaced(unit, "+ 1", "+ 2")).codes == Codes{"diff.runtime-constant"});
}

namespace {

// A table as DECLARE_PCI_FIXUP() and early_initcall() make them: no entry has a name that lasts.
std::string fixup(const char* function, int number) {
    return "asm(\".section .pci_fixup_final, \\\"a\\\"\\n.short 1, " + std::to_string(number) + "\\n.long " + function +
           " - .\\n.previous\");\n";
}

const std::string fixup_functions = "int quirk(int x) { return x + 1; }\nint other(int x) { return x * 5; }\n";

} // namespace

TEST_CASE("a patch that changes only a table which is read at boot does not pass for one that changes nothing") {
    UnitPair pair;
    std::string unit = fixup_functions + fixup("quirk", 7);
    for (const std::string& after : {unit + fixup("other", 8), fixup_functions, fixup_functions + fixup("quirk", 9),
                                     fixup_functions + fixup("other", 7)}) {
        CAPTURE(after);
        Outcome outcome = pair.run(unit, after);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.diff.nothing_changed);
        std::vector<report::Finding> late = diff::changes_without_effect(outcome.diff.findings);
        REQUIRE(late.size() == 1);
        CHECK(late[0].function == ".pci_fixup_final");
        CHECK(late[0].severity == report::Severity::error);
    }
}

TEST_CASE("a table that is read at boot is left alone where its entries stay") {
    UnitPair pair;
    std::string unit = fixup_functions + fixup("quirk", 7) + fixup("other", 8);
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.changed() == Names{"quirk"});
    CHECK(diff::changes_without_effect(outcome.diff.findings).empty());
}

TEST_CASE("an initcall with the line in the names of its section and its stub is no change") {
    UnitPair pair;
    auto unit = [](const char* line) {
        const std::string name = std::string("kmod_unit__7_") + line + "_start";
        return "int start(void) { return 3; }\nint f(int x) { return x + 1; }\n"
               "__attribute__((section(\".init.text\"))) int __initstub__" +
               name + "6(void) { return start(); }\nasm(\".section \\\".initcall6.init.." + name +
               "\\\", \\\"a\\\"\\n.long __initstub__" + name + "6 - .\\n.previous\");\n";
    };
    Outcome outcome = pair.run(unit("322"), unit("325"));
    CHECK(outcome.diff.nothing_changed);
    CHECK(diff::changes_without_effect(outcome.diff.findings).empty());
}
