// The tables of code that PowerPC's kernel exchanges by the processor's features (arch/powerpc/include/asm/
// feature-fixups.h): their fields are distances from the beginning of the entry, and alternates stand side by side.
#include "diff_units.h"

#include <fmt/format.h>

using namespace klp;
using namespace klp::test;

namespace {

const std::vector<Compiler>& powerpc() {
    static const std::vector<Compiler> found = [] {
        std::vector<Compiler> all;
        std::ranges::copy_if(compilers(), std::back_inserter(all),
                             [](const Compiler& it) { return std::string_view(it.machine) == "ppc64le"; });
        return all;
    }();
    return found;
}

// ASM_FTR_IF() and, with no code, END_FTR_SECTION() as they expand.
std::string fixup(std::string_view table, std::string_view alternate) {
    return fmt::format(
        "asm volatile(\"888: nop\\n889:\\n.pushsection __ftr_alt_97,\\\"ax\\\"\\n.align 2\\n890: {}\\n891:\\n"
        ".popsection\\n.pushsection {},\\\"a\\\"\\n.align 3\\n892:\\n.8byte 4\\n.8byte 0\\n"
        ".8byte 888b-892b\\n.8byte 889b-892b\\n.8byte 890b-892b\\n.8byte 891b-892b\\n.popsection\");",
        alternate, table);
}

constexpr const char* tables[] = {"__ftr_fixup", "__mmu_ftr_fixup", "__fw_ftr_fixup"};

// Functions g0, g1, ... around f, each with an alternate of its own, and f's.
std::string unit_with(std::string_view table, std::string_view alternate_of_f) {
    std::string unit;
    for (int number = 0; number < 17; ++number)
        unit += number == 9 ? fmt::format("int f(int x) {{ {} return x; }}\n", fixup(table, alternate_of_f))
                            : fmt::format("int g{0}(int x) {{ {1} return x + {0}; }}\n", number,
                                          fixup(table, fmt::format("ori 3,3,{}", 10 + number)));
    return unit;
}

uint32_t word(const elf::Section& section, uint64_t offset) {
    uint32_t value = 0;
    for (unsigned at = 0; at < 4; ++at)
        value |= std::to_integer<uint32_t>(section.data[offset + at]) << (8 * at);
    return value;
}

constexpr uint32_t ori_3_3_99 = 0x60630063; // Power ISA: opcode 24, registers 3 and 3, 99

} // namespace

TEST_CASE("a function comes along with its own alternate, and the distances count from the entry") {
    with_compilers(
        [](const Compiler& compiler) {
            for (const char* table : tables) {
                CAPTURE(table);
                UnitPair pair(compiler);
                const std::string unit = unit_with(table, "ori 3,3,99");
                CHECK(pair.run(unit, unit).diff.nothing_changed);
                const Outcome outcome = pair.run(unit, replaced(unit, "return x; }", "return x * 3; }"));
                REQUIRE(outcome.codes.empty());
                CHECK(outcome.changed() == Names{"f"});
                const elf::Section* alternate = outcome.output->find_section("__ftr_alt_97");
                REQUIRE(alternate);
                REQUIRE(alternate->size == 4);
                CHECK(word(*alternate, 0) == ori_3_3_99);
                const elf::Section* entries = outcome.output->find_section(table);
                REQUIRE(entries);
                REQUIRE(entries->size == 48);
                const auto relocations = outcome.output->relocations(entries->index);
                REQUIRE(relocations.size() == 4);
                CHECK(relocations[1].addend - relocations[0].addend == 4 + 8); // one instruction; the next field
                CHECK(relocations[2].addend == 32);
                CHECK(relocations[3].addend == 4 + 40);
            }
        },
        powerpc());
}

TEST_CASE("a changed alternate is a change of its function alone") {
    with_compilers(
        [](const Compiler& compiler) {
            for (const char* table : tables) {
                CAPTURE(table);
                UnitPair pair(compiler);
                CHECK(pair.run(unit_with(table, "ori 3,3,98"), unit_with(table, "ori 3,3,99")).changed() == Names{"f"});
                CHECK(pair.run(unit_with(table, ""), unit_with(table, "ori 3,3,99")).changed() == Names{"f"});
            }
        },
        powerpc());
}

TEST_CASE("what is replaced by no-ops needs no alternate") {
    with_compilers(
        [](const Compiler& compiler) {
            UnitPair pair(compiler);
            const std::string one = "int f(int x) { " + fixup("__ftr_fixup", "") + " return x; }\n";
            for (const std::string& unit : {one, unit_with("__ftr_fixup", "")}) {
                const Outcome outcome = pair.run(unit, replaced(unit, "return x; }", "return x * 3; }"));
                REQUIRE(outcome.codes.empty());
                CHECK(outcome.changed() == Names{"f"});
                CHECK(!outcome.output->find_section("__ftr_alt_97"));
                const elf::Section* entries = outcome.output->find_section("__ftr_fixup");
                REQUIRE(entries);
                const auto relocations = outcome.output->relocations(entries->index);
                REQUIRE(relocations.size() == 4);
                CHECK(relocations[2].symbol == relocations[3].symbol);
                CHECK(relocations[3].addend - relocations[2].addend == 8); // the same place
            }
        },
        powerpc());
}
