// 64-Bit ELF V2 ABI Specification for Power Architecture, section 3.5 "Relocation Types" and 3.4.1 "Symbol Values".
#include "arch/machines.h"
#include "arch/register_names.h"
#include "arch/relocation_rows.h"

#include <elf.h>

namespace klp::arch {

namespace {

constexpr uint32_t rel24_notoc = 116; // R_PPC64_REL24_NOTOC

constexpr RelocationRow relocations[] = {
    {R_PPC64_NONE, R_PPC64_NONE, Form::none},
    {118, 118, Form::none, 0, 0}, // R_PPC64_ENTRY
    {R_PPC64_TOCSAVE, R_PPC64_TOCSAVE, Form::none, 0, 0},
    {248, 248, Form::none}, // R_PPC64_PCREL_OPT
    {R_PPC64_ADDR64, R_PPC64_ADDR64, Form::absolute, 8, 8},
    {R_PPC64_UADDR64, R_PPC64_UADDR64, Form::absolute, 8},
    {R_PPC64_ADDR32, R_PPC64_ADDR32, Form::absolute, 4, 4},
    {R_PPC64_UADDR32, R_PPC64_UADDR32, Form::absolute, 4},
    {R_PPC64_ADDR16, R_PPC64_ADDR16, Form::absolute, 2},
    {R_PPC64_ADDR16_LO, R_PPC64_ADDR16_LO, Form::absolute, 2},
    {R_PPC64_ADDR16_HI, R_PPC64_ADDR16_HI, Form::absolute, 2},
    {R_PPC64_ADDR16_HA, R_PPC64_ADDR16_HA, Form::absolute, 2},
    {R_PPC64_ADDR16_DS, R_PPC64_ADDR16_DS, Form::absolute, 2},
    {R_PPC64_ADDR16_LO_DS, R_PPC64_ADDR16_LO_DS, Form::absolute, 2},
    {R_PPC64_ADDR16_HIGHER, R_PPC64_ADDR16_HIGHER, Form::absolute, 2},
    {R_PPC64_ADDR16_HIGHERA, R_PPC64_ADDR16_HIGHERA, Form::absolute, 2},
    {R_PPC64_ADDR16_HIGHEST, R_PPC64_ADDR16_HIGHEST, Form::absolute, 2},
    {R_PPC64_ADDR16_HIGHESTA, R_PPC64_ADDR16_HIGHESTA, Form::absolute, 2},
    {R_PPC64_REL64, R_PPC64_REL64, Form::pc_relative, 8, 8},
    {R_PPC64_REL32, R_PPC64_REL32, Form::pc_relative, 4, 4},
    {R_PPC64_REL16, R_PPC64_REL16, Form::pc_relative, 2},
    {R_PPC64_REL16_LO, R_PPC64_REL16_LO, Form::pc_relative, 2, 2},
    {R_PPC64_REL16_HI, R_PPC64_REL16_HI, Form::pc_relative, 2},
    {R_PPC64_REL16_HA, R_PPC64_REL16_HA, Form::pc_relative, 2, 2},
    {R_PPC64_REL24, R_PPC64_REL24, Form::pc_relative, 0, 4},
    {rel24_notoc, rel24_notoc, Form::pc_relative, 0, 4},
    {R_PPC64_REL14, R_PPC64_REL14, Form::pc_relative},
    {132, 132, Form::pc_relative, 0, 8}, // R_PPC64_PCREL34
    {R_PPC64_TOC16, R_PPC64_TOC16, Form::absolute, 2, 2},
    {R_PPC64_TOC16_LO, R_PPC64_TOC16_LO, Form::absolute, 2, 2},
    {R_PPC64_TOC16_HI, R_PPC64_TOC16_HI, Form::absolute, 2},
    {R_PPC64_TOC16_HA, R_PPC64_TOC16_HA, Form::absolute, 2, 2},
    {R_PPC64_TOC16_DS, R_PPC64_TOC16_DS, Form::absolute, 2, 2},
    {R_PPC64_TOC16_LO_DS, R_PPC64_TOC16_LO_DS, Form::absolute, 2, 2},
    {R_PPC64_TOC, R_PPC64_TOC, Form::toc_base, 8, 8},
    {R_PPC64_GOT16, R_PPC64_GOT16, Form::table, 2},
    {R_PPC64_GOT16_LO, R_PPC64_GOT16_LO, Form::table, 2},
    {R_PPC64_GOT16_HI, R_PPC64_GOT16_HI, Form::table, 2},
    {R_PPC64_GOT16_HA, R_PPC64_GOT16_HA, Form::table, 2},
    {R_PPC64_GOT16_DS, R_PPC64_GOT16_DS, Form::table, 2},
    {R_PPC64_GOT16_LO_DS, R_PPC64_GOT16_LO_DS, Form::table, 2},
    {133, 133, Form::table, 2, 8}, // R_PPC64_GOT_PCREL34
};

class Ppc64le final : public Machine {
public:
    uint64_t anchor_reach() const override { return 32767; }
    bool is_high_part(uint32_t type) const override {
        return type == R_PPC64_ADDR16_HA || type == R_PPC64_TOC16_HA || type == R_PPC64_GOT16_HA;
    }
    // `ori rN, rN, 0`: that of r2 ends a group of instructions.
    bool is_padding(const Instruction& it) const override {
        return it.mnemonic == "NOP" || (it.mnemonic == "ORI" && it.registers.size() == 2 &&
                                        it.registers[0] == it.registers[1] && it.immediates[0] == 0);
    }
    std::string_view name() const override { return "powerpc"; }
    const char* triple() const override { return "powerpc64le-linux-gnu"; }
    const char* processor() const override { return "pwr10"; }
    RelocationKind relocation(uint32_t type) const override { return kind_in(relocations, type); }
    std::optional<unsigned> loaded_width(uint32_t type) const override { return loaded_width_in(relocations, type); }
    bool is_branch(elf::Bytes, const elf::Relocation& relocation) const override {
        return relocation.type == R_PPC64_REL24 || relocation.type == rel24_notoc || relocation.type == R_PPC64_REL14;
    }
    uint32_t absolute64() const override { return R_PPC64_ADDR64; }
    std::optional<uint32_t> module_flags() const override { return 2; } // the ABI, version 2
    BranchField branch_field(elf::Bytes section, const Instruction& branch) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
    bool survives_call(std::string_view name) const override;
    bool is_stack_pointer(std::string_view name) const override { return name == "X1"; }
    bool is_result(std::string_view name) const override { return name == "X3"; }
    bool is_second_result(std::string_view name) const override { return name == "X4"; }
};

Machine::BranchField Ppc64le::branch_field(elf::Bytes section, const Instruction& branch) const {
    // Primary opcode 18 is the I-form branch with 24 bits (Power ISA, 2.4).
    const uint8_t top = std::to_integer<uint8_t>(section[branch.offset + 3]);
    return {R_PPC64_REL24, branch.offset, (top >> 2) == 18};
}

std::optional<uint64_t> Ppc64le::loaded_constant(const Instruction& instruction) const {
    // li rN, imm: one register and the value.
    bool has_shape = instruction.registers.size() == 1 && instruction.immediates.size() == 1;
    if (!has_shape || instruction.is_branch || instruction.is_call || !instruction.is_valid)
        return std::nullopt;
    return static_cast<uint64_t>(instruction.immediates[0]);
}

std::optional<unsigned> Ppc64le::argument_number(std::string_view register_name) const {
    // 64-Bit ELF V2 ABI, 2.2.1.1: r3 to r10
    if (register_name.size() < 2 || (register_name[0] != 'X' && register_name[0] != 'R'))
        return std::nullopt;
    if (register_name.substr(1) == "10")
        return 7;
    if (register_name.size() != 2 || register_name[1] < '3' || register_name[1] > '9')
        return std::nullopt;
    return static_cast<unsigned>(register_name[1] - '3');
}

// 64-Bit ELF V2 ABI, 2.2.1.1: r1, r2, r14 to r31
bool Ppc64le::survives_call(std::string_view name) const {
    return is_numbered(name, "X", 1, 2) || is_numbered(name, "X", 14, 31);
}

} // namespace

const Machine& ppc64le() {
    static const Ppc64le machine;
    return machine;
}

} // namespace klp::arch
