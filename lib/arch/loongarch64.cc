// ELF for the LoongArch Architecture (laelf), 2.30: "Relocations".
#include "arch/machines.h"
#include "arch/register_names.h"
#include "arch/relocation_rows.h"

namespace klp::arch {

namespace {

// elf.h of Debian 12 has none of these.
enum : uint32_t {
    r_none = 0,
    r_32 = 1,
    r_64 = 2,
    r_mark_la = 20,
    r_mark_pcrel = 21,
    r_sop_push_pcrel = 22,
    r_sop_push_dup = 24,
    r_sop_push_plt_pcrel = 29,
    r_sop_sub = 32,
    r_sop_if_else = 37,
    r_sop_pop_first = 38,
    r_sop_pop_last = 46,
    r_add8 = 47,
    r_add32 = 50,
    r_add64 = 51,
    r_sub8 = 52,
    r_sub32 = 55,
    r_sub64 = 56,
    r_b16 = 64,
    r_b21 = 65,
    r_b26 = 66,
    r_abs_hi20 = 67,
    r_abs64_hi12 = 70,
    r_pcala_hi20 = 71,
    r_pcala64_hi12 = 74,
    r_got_pc_hi20 = 75,
    r_got_pc_lo12 = 76,
    r_got64_hi12 = 82,
    r_32_pcrel = 99,
    r_relax = 100,
    r_align = 102,
    r_pcrel20_s2 = 103,
    r_cfa = 104,
    r_add6 = 105,
    r_sub_uleb128 = 108,
    r_64_pcrel = 109,
    r_call36 = 110
};

constexpr RelocationRow relocations[] = {
    {r_none, r_none, Form::none, 0, 0},
    {r_mark_la, r_mark_pcrel, Form::none, 0, 0},
    {r_relax, r_relax, Form::none},
    {r_align, r_align, Form::none},
    {r_32, r_32, Form::absolute, 4, 4},
    {r_64, r_64, Form::absolute, 8, 8},
    {r_add32, r_add32, Form::difference, 0, 4},
    {r_add64, r_add64, Form::difference, 0, 8},
    {r_add8, r_add64, Form::difference},
    {r_sub32, r_sub32, Form::difference, 0, 4},
    {r_sub64, r_sub64, Form::difference, 0, 8},
    {r_sub8, r_sub64, Form::difference},
    {r_cfa, r_cfa, Form::difference},
    {r_add6, r_sub_uleb128, Form::difference},
    {r_32_pcrel, r_32_pcrel, Form::pc_relative, 4, 4},
    {r_64_pcrel, r_64_pcrel, Form::pc_relative, 8, 8},
    {r_b26, r_b26, Form::pc_relative, 0, 4},
    {r_b16, r_b26, Form::pc_relative},
    {r_pcrel20_s2, r_pcrel20_s2, Form::pc_relative},
    {r_call36, r_call36, Form::pc_relative},
    {r_abs_hi20, r_abs64_hi12, Form::absolute},
    {r_pcala_hi20, r_pcala64_hi12, Form::pc_relative, 0, 4},
    {r_got_pc_hi20, r_got_pc_lo12, Form::table, 0, 4},
    {r_got_pc_hi20, r_got64_hi12, Form::table},
    // The stack machine of the first toolchains.
    {r_sop_push_pcrel, r_sop_push_dup, Form::none, 0, 0, false},
    {r_sop_push_plt_pcrel, r_sop_push_plt_pcrel, Form::none, 0, 0, false},
    {r_sop_sub, r_sop_if_else, Form::none, 0, 0, false},
    {r_sop_pop_first, r_sop_pop_last, Form::none, 0, 4, false},
};

class Loongarch64 final : public Machine {
public:
    bool is_high_part(uint32_t type) const override {
        return type == r_pcala_hi20 || type == r_abs_hi20 || type == r_got_pc_hi20;
    }
    // arch/loongarch/include/asm/bug.h; compilers' own trap is an instruction that no processor has.
    bool is_trap(const Instruction& it) const override {
        return it.is_trap || it.mnemonic == "BREAK" || it.mnemonic == "AMSWAP_W";
    }
    bool is_padding(const Instruction& it) const override {
        return it.mnemonic == "ANDI" && it.first_register == "R0" && it.second_register == "R0";
    }
    std::string_view name() const override { return "loongarch"; }
    const char* triple() const override { return "loongarch64-linux-gnu"; }
    RelocationKind relocation(uint32_t type) const override { return kind_in(relocations, type); }
    std::optional<unsigned> loaded_width(uint32_t type) const override { return loaded_width_in(relocations, type); }
    bool relocations_accumulate() const override { return true; }
    bool is_branch(elf::Bytes, const elf::Relocation& relocation) const override {
        return (relocation.type >= r_b16 && relocation.type <= r_b26) || relocation.type == r_call36;
    }
    uint32_t absolute64() const override { return r_64; }
    std::optional<uint32_t> module_flags() const override { return {}; }
    BranchField branch_field(elf::Bytes section, const Instruction& branch) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
    bool survives_call(std::string_view name) const override;
    bool is_stack_pointer(std::string_view name) const override { return name == "R3"; }
    bool is_result(std::string_view name) const override { return name == "R4"; }
    bool is_second_result(std::string_view name) const override { return name == "R5"; }
};

Machine::BranchField Loongarch64::branch_field(elf::Bytes section, const Instruction& branch) const {
    // b and bl: opcodes 0x14 and 0x15 in the top six bits (LoongArch reference manual, 2.2.5).
    const uint8_t top = std::to_integer<uint8_t>(section[branch.offset + 3]) >> 2;
    return {r_b26, branch.offset, top == 0x14 || top == 0x15};
}

std::optional<uint64_t> Loongarch64::loaded_constant(const Instruction& instruction) const {
    // li.w rD, imm is addi.w or ori with $zero: two registers and the value.
    bool has_shape = instruction.registers.size() == 2 && instruction.immediates.size() == 1;
    if (!has_shape || instruction.is_branch || instruction.is_call || !instruction.is_valid)
        return std::nullopt;
    return static_cast<uint64_t>(instruction.immediates[0]);
}

std::optional<unsigned> Loongarch64::argument_number(std::string_view register_name) const {
    // LoongArch psABI: a0 to a7 are r4 to r11
    if (register_name.size() < 2 || register_name[0] != 'R')
        return std::nullopt;
    std::string_view number = register_name.substr(1);
    if (number == "10")
        return 6;
    if (number == "11")
        return 7;
    if (number.size() != 1 || number[0] < '4' || number[0] > '9')
        return std::nullopt;
    return static_cast<unsigned>(number[0] - '4');
}

// LoongArch psABI: sp, fp and s0 to s9
bool Loongarch64::survives_call(std::string_view name) const {
    return is_numbered(name, "R", 22, 31) || name == "R3";
}

} // namespace

const Machine& loongarch64() {
    static const Loongarch64 machine;
    return machine;
}

} // namespace klp::arch
