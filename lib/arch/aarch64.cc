// ELF for the Arm 64-bit Architecture (aaelf64), section 5.7 "Relocation".
#include "arch/machines.h"
#include "arch/register_names.h"
#include "arch/relocation_rows.h"

#include <elf.h>

namespace klp::arch {

namespace {

constexpr RelocationRow relocations[] = {
    {R_AARCH64_NONE, R_AARCH64_NONE, Form::none, 0, 0},
    {256, 256, Form::none, 0, 0}, // R_AARCH64_NONE's withdrawn number
    {R_AARCH64_ABS64, R_AARCH64_ABS64, Form::absolute, 8, 8},
    {R_AARCH64_ABS32, R_AARCH64_ABS32, Form::absolute, 4, 4},
    {R_AARCH64_ABS16, R_AARCH64_ABS16, Form::absolute, 2, 2},
    {R_AARCH64_PREL64, R_AARCH64_PREL64, Form::pc_relative, 8, 8},
    {R_AARCH64_PREL32, R_AARCH64_PREL32, Form::pc_relative, 4, 4},
    {R_AARCH64_PREL16, R_AARCH64_PREL16, Form::pc_relative, 2, 2},
    {R_AARCH64_ADR_GOT_PAGE, R_AARCH64_ADR_GOT_PAGE, Form::table},
    {R_AARCH64_LD64_GOT_LO12_NC, R_AARCH64_LD64_GOT_LO12_NC, Form::table},
    {R_AARCH64_GOT_LD_PREL19, R_AARCH64_GOT_LD_PREL19, Form::table},
    {R_AARCH64_ADD_ABS_LO12_NC, R_AARCH64_ADD_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_LDST8_ABS_LO12_NC, R_AARCH64_LDST8_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_LDST16_ABS_LO12_NC, R_AARCH64_LDST16_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_LDST32_ABS_LO12_NC, R_AARCH64_LDST32_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_LDST64_ABS_LO12_NC, R_AARCH64_LDST64_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_LDST128_ABS_LO12_NC, R_AARCH64_LDST128_ABS_LO12_NC, Form::absolute, 0, 4},
    {R_AARCH64_MOVW_UABS_G0, R_AARCH64_MOVW_SABS_G2, Form::absolute, 0, 4},
    {R_AARCH64_LD_PREL_LO19, R_AARCH64_CONDBR19, Form::pc_relative, 0, 4},
    {R_AARCH64_JUMP26, R_AARCH64_JUMP26, Form::pc_relative, 0, 4},
    {R_AARCH64_CALL26, R_AARCH64_CALL26, Form::pc_relative, 0, 4},
    {R_AARCH64_MOVW_PREL_G0, R_AARCH64_MOVW_PREL_G3, Form::pc_relative, 0, 4},
    {314, 314, Form::pc_relative}, // R_AARCH64_PLT32
};

class Aarch64 final : public Machine {
public:
    uint64_t anchor_reach() const override { return 4095; }
    bool is_high_part(uint32_t type) const override {
        return type == R_AARCH64_ADR_PREL_PG_HI21 || type == R_AARCH64_ADR_PREL_PG_HI21_NC ||
               type == R_AARCH64_ADR_GOT_PAGE;
    }
    bool is_padding(const Instruction& it) const override {
        return it.mnemonic == "HINT" && it.immediates.size() == 1 && it.immediates[0] == 0;
    }
    std::string_view name() const override { return "arm64"; }
    const char* triple() const override { return "aarch64-linux-gnu"; }
    const char* features() const override { return "+all"; }
    RelocationKind relocation(uint32_t type) const override { return kind_in(relocations, type); }
    std::optional<unsigned> loaded_width(uint32_t type) const override { return loaded_width_in(relocations, type); }
    uint32_t canonical(uint32_t type) const override {
        return type == R_AARCH64_JUMP26 || type == R_AARCH64_CALL26 ? R_AARCH64_CALL26 : type;
    }
    bool is_branch(elf::Bytes, const elf::Relocation& relocation) const override;
    uint32_t absolute64() const override { return R_AARCH64_ABS64; }
    // Mapping symbols (aaelf64, 5.5.5) are $x, $d and $x.anything.
    bool is_mark(const elf::Symbol& symbol) const override {
        return symbol.name.starts_with("$") || Machine::is_mark(symbol);
    }
    BranchField branch_field(elf::Bytes section, const Instruction& branch) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
    bool survives_call(std::string_view name) const override;
    bool has_literal_pools() const override { return true; }
    bool is_stack_pointer(std::string_view name) const override { return name == "SP"; }
    bool is_result(std::string_view name) const override { return name == "X0"; }
    bool is_second_result(std::string_view name) const override { return name == "X1"; }
};

bool Aarch64::is_branch(elf::Bytes, const elf::Relocation& relocation) const {
    switch (relocation.type) {
    case R_AARCH64_CALL26:
    case R_AARCH64_JUMP26:
    case R_AARCH64_CONDBR19:
    case R_AARCH64_TSTBR14:
        return true;
    default:
        return false;
    }
}

Machine::BranchField Aarch64::branch_field(elf::Bytes section, const Instruction& branch) const {
    // B and BL have bits 30:26 == 00101; conditional ones reach 1 MB at most (Arm ARM, C4.1.93).
    const uint8_t top = std::to_integer<uint8_t>(section[branch.offset + 3]);
    return {R_AARCH64_CALL26, branch.offset, (top & 0x7c) == 0x14};
}

std::optional<uint64_t> Aarch64::loaded_constant(const Instruction& instruction) const {
    // mov wN, #imm is movz: one register, the value and its shift.
    bool has_shape = instruction.registers.size() == 1 && instruction.immediates.size() == 2;
    if (!has_shape || instruction.immediates[1] != 0 || !instruction.mnemonic.starts_with("MOVZ"))
        return std::nullopt;
    return static_cast<uint64_t>(instruction.immediates[0]);
}

std::optional<unsigned> Aarch64::argument_number(std::string_view register_name) const {
    // Procedure Call Standard for the Arm 64-bit Architecture, 6.1.1: x0 to x7
    bool has_shape = register_name.size() == 2 && (register_name[0] == 'X' || register_name[0] == 'W');
    if (!has_shape || register_name[1] < '0' || register_name[1] > '7')
        return std::nullopt;
    return static_cast<unsigned>(register_name[1] - '0');
}

// Procedure Call Standard for the Arm 64-bit Architecture, 6.1.1: r19 to r29 and SP
bool Aarch64::survives_call(std::string_view name) const {
    return is_numbered(name, "X", 19, 28) || name == "FP" || name == "SP";
}

} // namespace

const Machine& aarch64() {
    static const Aarch64 machine;
    return machine;
}

} // namespace klp::arch
