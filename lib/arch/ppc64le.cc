// 64-Bit ELF V2 ABI Specification for Power Architecture, section 3.5 "Relocation Types" and 3.4.1 "Symbol Values".
#include "arch/machines.h"

#include <elf.h>

namespace klp::arch {

namespace {

constexpr uint32_t rel24_notoc = 116; // R_PPC64_REL24_NOTOC

class Ppc64le final : public Machine {
public:
    std::string_view name() const override { return "powerpc"; }
    const char* triple() const override { return "powerpc64le-linux-gnu"; }
    RelocationKind relocation(uint32_t type) const override;
    bool is_branch(elf::Bytes, const elf::Relocation& relocation) const override {
        return relocation.type == R_PPC64_REL24 || relocation.type == rel24_notoc || relocation.type == R_PPC64_REL14;
    }
    uint32_t absolute64() const override { return R_PPC64_ADDR64; }
    bool is_address_table(std::string_view section) const override { return section == ".toc"; }
    std::vector<ResolvedBranch> resolved_branches(const Code& code) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
};

RelocationKind Ppc64le::relocation(uint32_t type) const {
    switch (type) {
    case R_PPC64_NONE:
    case 118: // R_PPC64_ENTRY
    case R_PPC64_TOCSAVE:
    case 248: // R_PPC64_PCREL_OPT
        return {Form::none, true, 0};
    case R_PPC64_ADDR64:
    case R_PPC64_UADDR64:
        return {Form::absolute, true, 8};
    case R_PPC64_ADDR32:
    case R_PPC64_UADDR32:
        return {Form::absolute, true, 4};
    case R_PPC64_ADDR16:
    case R_PPC64_ADDR16_LO:
    case R_PPC64_ADDR16_HI:
    case R_PPC64_ADDR16_HA:
    case R_PPC64_ADDR16_DS:
    case R_PPC64_ADDR16_LO_DS:
    case R_PPC64_ADDR16_HIGHER:
    case R_PPC64_ADDR16_HIGHERA:
    case R_PPC64_ADDR16_HIGHEST:
    case R_PPC64_ADDR16_HIGHESTA:
        return {Form::absolute, true, 2};
    case R_PPC64_REL64:
        return {Form::pc_relative, true, 8};
    case R_PPC64_REL32:
        return {Form::pc_relative, true, 4};
    case R_PPC64_REL16:
    case R_PPC64_REL16_LO:
    case R_PPC64_REL16_HI:
    case R_PPC64_REL16_HA:
        return {Form::pc_relative, true, 2};
    case R_PPC64_REL24:
    case rel24_notoc:
    case R_PPC64_REL14:
    case 132: // R_PPC64_PCREL34
        return {Form::pc_relative, true, 0};
    case R_PPC64_TOC16:
    case R_PPC64_TOC16_LO:
    case R_PPC64_TOC16_HI:
    case R_PPC64_TOC16_HA:
    case R_PPC64_TOC16_DS:
    case R_PPC64_TOC16_LO_DS:
        return {Form::absolute, true, 2};
    case R_PPC64_TOC:
        return {Form::toc_base, true, 8};
    case R_PPC64_GOT16:
    case R_PPC64_GOT16_LO:
    case R_PPC64_GOT16_HI:
    case R_PPC64_GOT16_HA:
    case R_PPC64_GOT16_DS:
    case R_PPC64_GOT16_LO_DS:
    case 133: // R_PPC64_GOT_PCREL34
        return {Form::table, true, 2};
    default:
        return {};
    }
}

std::vector<ResolvedBranch> Ppc64le::resolved_branches(const Code& code) const {
    std::vector<ResolvedBranch> branches;
    for (const Instruction& instruction : disassemble(code, false)) {
        if (!instruction.branch_target)
            continue;
        uint64_t target = *instruction.branch_target;
        if (target >= code.start && target < code.end)
            continue;
        // Primary opcode 18 is the I-form branch with 24 bits (Power ISA, 2.4).
        uint8_t top = std::to_integer<uint8_t>(code.section[instruction.offset + 3]);
        ResolvedBranch branch;
        branch.target = target;
        branch.can_move = (top >> 2) == 18;
        branch.relocation.type = R_PPC64_REL24;
        branch.relocation.offset = instruction.offset;
        branches.push_back(branch);
    }
    return branches;
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

} // namespace

const Machine& ppc64le() {
    static const Ppc64le machine;
    return machine;
}

} // namespace klp::arch
