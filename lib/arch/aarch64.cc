// ELF for the Arm 64-bit Architecture (aaelf64), section 5.7 "Relocation".
#include "arch/machines.h"

#include <elf.h>

namespace klp::arch {

namespace {

class Aarch64 final : public Machine {
public:
    std::string_view name() const override { return "arm64"; }
    const char* triple() const override { return "aarch64-linux-gnu"; }
    const char* features() const override { return "+all"; }
    RelocationKind relocation(uint32_t type) const override;
    uint32_t canonical(uint32_t type) const override {
        return type == R_AARCH64_JUMP26 || type == R_AARCH64_CALL26 ? R_AARCH64_CALL26 : type;
    }
    bool is_branch(elf::Bytes, const elf::Relocation& relocation) const override;
    uint32_t absolute64() const override { return R_AARCH64_ABS64; }
    // Mapping symbols (aaelf64, 5.5.5) are $x, $d and $x.anything.
    bool is_mark(const elf::Symbol& symbol) const override {
        return symbol.name.starts_with("$") || Machine::is_mark(symbol);
    }
    std::vector<ResolvedBranch> resolved_branches(const Code& code) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
};

RelocationKind Aarch64::relocation(uint32_t type) const {
    switch (type) {
    case R_AARCH64_NONE:
    case 256: // R_AARCH64_NONE's withdrawn number
        return {Form::none, true, 0};
    case R_AARCH64_ABS64:
        return {Form::absolute, true, 8};
    case R_AARCH64_ABS32:
        return {Form::absolute, true, 4};
    case R_AARCH64_ABS16:
        return {Form::absolute, true, 2};
    case R_AARCH64_PREL64:
        return {Form::pc_relative, true, 8};
    case R_AARCH64_PREL32:
        return {Form::pc_relative, true, 4};
    case R_AARCH64_PREL16:
        return {Form::pc_relative, true, 2};
    case R_AARCH64_ADR_GOT_PAGE:
    case R_AARCH64_LD64_GOT_LO12_NC:
    case R_AARCH64_GOT_LD_PREL19:
        return {Form::table, true, 0};
    case R_AARCH64_ADD_ABS_LO12_NC:
    case R_AARCH64_LDST8_ABS_LO12_NC:
    case R_AARCH64_LDST16_ABS_LO12_NC:
    case R_AARCH64_LDST32_ABS_LO12_NC:
    case R_AARCH64_LDST64_ABS_LO12_NC:
    case R_AARCH64_LDST128_ABS_LO12_NC:
        return {Form::absolute, true, 0};
    default:
        break;
    }
    if (type >= R_AARCH64_MOVW_UABS_G0 && type <= R_AARCH64_MOVW_SABS_G2)
        return {Form::absolute, true, 0};
    bool is_pc_relative = (type >= R_AARCH64_LD_PREL_LO19 && type <= R_AARCH64_CONDBR19) || type == R_AARCH64_JUMP26 ||
                          type == R_AARCH64_CALL26 ||
                          (type >= R_AARCH64_MOVW_PREL_G0 && type <= R_AARCH64_MOVW_PREL_G3) || type == 314 /* PLT32 */;
    if (is_pc_relative)
        return {Form::pc_relative, true, 0};
    return {};
}

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

std::vector<ResolvedBranch> Aarch64::resolved_branches(const Code& code) const {
    std::vector<ResolvedBranch> branches;
    for (const Instruction& instruction : disassemble(code, false)) {
        if (!instruction.branch_target)
            continue;
        uint64_t target = *instruction.branch_target;
        if (target >= code.start && target < code.end)
            continue;
        // B and BL have bits 30:26 == 00101; conditional ones reach 1 MB at most (Arm ARM, C4.1.93).
        uint8_t top = std::to_integer<uint8_t>(code.section[instruction.offset + 3]);
        ResolvedBranch branch;
        branch.target = target;
        branch.can_move = (top & 0x7c) == 0x14;
        branch.relocation.type = R_AARCH64_CALL26;
        branch.relocation.offset = instruction.offset;
        branches.push_back(branch);
    }
    return branches;
}

std::optional<uint64_t> Aarch64::loaded_constant(const Instruction& instruction) const {
    // mov wN, #imm is movz: one register, the value and its shift.
    bool has_shape = instruction.registers.size() == 1 && instruction.immediates.size() == 2;
    if (!has_shape || instruction.is_branch || instruction.immediates[1] != 0 || !instruction.is_move_immediate)
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

} // namespace

const Machine& aarch64() {
    static const Aarch64 machine;
    return machine;
}

} // namespace klp::arch
