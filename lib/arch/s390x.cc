// s390x ELF Application Binary Interface Supplement 1.6, section 3.2 "Relocation"; z/Architecture Principles of
// Operation.
#include "arch/machines.h"
#include "arch/register_names.h"
#include "arch/relocation_rows.h"

#include <elf.h>

namespace klp::arch {

namespace {

uint8_t byte_at(elf::Bytes data, uint64_t offset) {
    return std::to_integer<uint8_t>(data[offset]);
}

// RIL format (brasl, brcl, larl and their like) has the 32-bit field two bytes into the instruction.
constexpr uint64_t field_offset = 2;

constexpr RelocationRow relocations[] = {
    {R_390_NONE, R_390_NONE, Form::none, 0, 0},
    {R_390_64, R_390_64, Form::absolute, 8, 8},
    {R_390_32, R_390_32, Form::absolute, 4, 4},
    {R_390_16, R_390_16, Form::absolute, 2, 2},
    {R_390_12, R_390_12, Form::absolute, 2, 2},
    {R_390_20, R_390_20, Form::absolute, 2, 4},
    {R_390_8, R_390_8, Form::absolute, 1, 1},
    {R_390_PC64, R_390_PC64, Form::pc_relative, 8, 8},
    {R_390_PC32, R_390_PC32, Form::pc_relative, 4, 4},
    {R_390_PC32DBL, R_390_PC32DBL, Form::pc_relative, 4, 4},
    {R_390_PLT32DBL, R_390_PLT32DBL, Form::pc_relative, 4, 4},
    {R_390_PLT32, R_390_PLT32, Form::pc_relative, 4, 4},
    {R_390_PC16, R_390_PC16, Form::pc_relative, 2, 2},
    {R_390_PC16DBL, R_390_PC16DBL, Form::pc_relative, 2, 2},
    {R_390_PLT16DBL, R_390_PLT16DBL, Form::pc_relative, 2, 2},
    {R_390_GOTENT, R_390_GOTENT, Form::table, 4, 4},
    {R_390_GOTPCDBL, R_390_GOTPCDBL, Form::table, 4, 4},
    {R_390_GOT12, R_390_GOT12, Form::table, 4, 2},
    {R_390_GOT16, R_390_GOT16, Form::table, 4, 2},
    {R_390_GOT20, R_390_GOT20, Form::table, 4, 4},
    {R_390_GOT32, R_390_GOT32, Form::table, 4, 4},
    {R_390_GOT64, R_390_GOT64, Form::table, 4, 8},
    {R_390_GOTOFF32, R_390_GOTOFF32, Form::table, 0, 4, false},
    {R_390_GOTPC, R_390_GOTPC, Form::table, 0, 4, false},
    {R_390_PLT64, R_390_PLT64, Form::table, 0, 8, false},
    {R_390_GOTOFF16, R_390_GOTOFF16, Form::table, 0, 2, false},
    {R_390_GOTOFF64, R_390_GOTOFF64, Form::table, 0, 8, false},
    {R_390_GOTPLT12, R_390_GOTPLT12, Form::table, 0, 2, false},
    {R_390_GOTPLT16, R_390_GOTPLT16, Form::table, 0, 2, false},
    {R_390_GOTPLT32, R_390_GOTPLT32, Form::table, 0, 4, false},
    {R_390_GOTPLT64, R_390_GOTPLT64, Form::table, 0, 8, false},
    {R_390_GOTPLTENT, R_390_GOTPLTENT, Form::table, 0, 4, false},
    {R_390_PLTOFF16, R_390_PLTOFF16, Form::table, 0, 2, false},
    {R_390_PLTOFF32, R_390_PLTOFF32, Form::table, 0, 4, false},
    {R_390_PLTOFF64, R_390_PLTOFF64, Form::table, 0, 8, false},
    {R_390_GOTPLT20, R_390_GOTPLT20, Form::table, 0, 4, false},
};

class S390x final : public Machine {
public:
    bool is_padding(const Instruction& it) const override { return it.mnemonic == "NOPR" || it.mnemonic == "NOP"; }
    std::string_view name() const override { return "s390"; }
    const char* triple() const override { return "s390x-linux-gnu"; }
    const char* processor() const override { return "arch14"; }
    RelocationKind relocation(uint32_t type) const override { return kind_in(relocations, type); }
    std::optional<unsigned> loaded_width(uint32_t type) const override { return loaded_width_in(relocations, type); }
    uint32_t canonical(uint32_t type) const override { return type == R_390_PLT32DBL ? uint32_t{R_390_PC32DBL} : type; }
    int64_t addend_bias(const std::optional<Code>& code, const elf::Relocation& relocation) const override;
    int64_t usual_bias(uint32_t type) const override;
    bool is_branch(elf::Bytes data, const elf::Relocation& relocation) const override;
    uint32_t absolute64() const override { return R_390_64; }
    bool is_profiling_call(std::string_view symbol) const override {
        return symbol == "__fentry__" || Machine::is_profiling_call(symbol);
    }
    bool has_profiling_nop(const Code& code) const override;
    BranchField branch_field(elf::Bytes section, const Instruction& branch) const override;
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
    bool survives_call(std::string_view name) const override;
    bool is_stack_pointer(std::string_view name) const override { return name == "R15D"; }
    bool is_result(std::string_view name) const override { return name == "R2D"; }
    // Structures come by a pointer (s390x ELF ABI supplement, 1.2.4).
    bool is_second_result(std::string_view) const override { return false; }
};

int64_t S390x::usual_bias(uint32_t type) const {
    switch (type) {
    case R_390_PC32DBL:
    case R_390_PLT32DBL:
    case R_390_PC16DBL:
    case R_390_PLT16DBL:
    case R_390_GOTENT:
        return -static_cast<int64_t>(field_offset);
    default:
        return 0;
    }
}

int64_t S390x::addend_bias(const std::optional<Code>& code, const elf::Relocation& relocation) const {
    return code ? usual_bias(relocation.type) : 0;
}

bool S390x::is_branch(elf::Bytes data, const elf::Relocation& relocation) const {
    if (canonical(relocation.type) == R_390_PC16DBL || relocation.type == R_390_PLT16DBL)
        return true;
    if (canonical(relocation.type) != R_390_PC32DBL || relocation.offset < field_offset)
        return false;
    uint8_t opcode = byte_at(data, relocation.offset - 2);
    uint8_t extension = byte_at(data, relocation.offset - 1) & 0x0f;
    return opcode == 0xc0 && (extension == 0x4 || extension == 0x5); // brcl, brasl
}

bool S390x::has_profiling_nop(const Code& code) const {
    // brcl 0,0 (six bytes) as -mhotpatch=0,3 and -mnop-mcount leave it: arch/s390/kernel/ftrace.c.
    if (code.end - code.start < 6 || code.end > code.section.size())
        return false;
    return byte_at(code.section, code.start) == 0xc0 && byte_at(code.section, code.start + 1) == 0x04;
}

Machine::BranchField S390x::branch_field(elf::Bytes section, const Instruction& branch) const {
    return {R_390_PC32DBL, branch.offset + field_offset, branch.size == 6 && byte_at(section, branch.offset) == 0xc0};
}

std::optional<uint64_t> S390x::loaded_constant(const Instruction& instruction) const {
    // lghi/lhi/llill rN, imm: one register and the value.
    bool has_shape = instruction.registers.size() == 1 && instruction.immediates.size() == 1;
    if (!has_shape || instruction.is_branch || instruction.is_call || !instruction.is_valid)
        return std::nullopt;
    return static_cast<uint64_t>(instruction.immediates[0]);
}

std::optional<unsigned> S390x::argument_number(std::string_view register_name) const {
    // s390x ELF ABI supplement, 1.2.3: r2 to r6
    bool has_shape = register_name.size() == 3 && register_name[0] == 'R';
    if (!has_shape || register_name[1] < '2' || register_name[1] > '6')
        return std::nullopt;
    return static_cast<unsigned>(register_name[1] - '2');
}

// s390x ELF ABI supplement, 1.2.2: r6 to r13, r15
bool S390x::survives_call(std::string_view name) const {
    return name.ends_with("D") && (is_numbered(name.substr(0, name.size() - 1), "R", 6, 13) || name == "R15D");
}

} // namespace

const Machine& s390x() {
    static const S390x machine;
    return machine;
}

} // namespace klp::arch
