// System V ABI, AMD64 supplement 1.0, section 4.4 "Relocation"; Intel SDM volume 2 for the encodings.
#include "arch/machines.h"
#include "arch/relocation_rows.h"

#include <algorithm>
#include <array>
#include <elf.h>

#ifndef R_X86_64_CODE_4_GOTPCRELX
#define R_X86_64_CODE_4_GOTPCRELX 43
#endif

namespace klp::arch {

namespace {

uint8_t byte_at(elf::Bytes data, uint64_t offset) {
    return std::to_integer<uint8_t>(data[offset]);
}

// An instruction with a rip-relative operand has its opcode two bytes before the displacement (the ModRM byte stands
// between, and there is no SIB byte). Whether an immediate follows the displacement depends on the opcode and its map;
// this says where it may. Only there the disassembler is asked.
bool may_have_immediate(elf::Bytes code, uint64_t displacement) {
    switch (byte_at(code, displacement - 2)) {
    case 0x69:
    case 0x6b:
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xc7:
    case 0xf6:
    case 0xf7: // one-byte map
    case 0x70:
    case 0x71:
    case 0x72:
    case 0x73:
    case 0xa4:
    case 0xac:
    case 0xba:
    case 0xc2:
    case 0xc4:
    case 0xc5: // 0f
        return true;
    default:
        break;
    }
    auto before = [&](uint64_t distance) {
        return displacement >= distance ? byte_at(code, displacement - distance) : uint8_t{0};
    };
    bool is_0f3a = before(3) == 0x3a && before(4) == 0x0f;
    bool is_vex = before(5) == 0xc4;
    bool is_evex = before(6) == 0x62;
    return is_0f3a || is_vex || is_evex;
}

constexpr RelocationRow relocations[] = {
    {R_X86_64_NONE, R_X86_64_NONE, Form::none, 0, 0},
    {R_X86_64_64, R_X86_64_64, Form::absolute, 8, 8},
    {R_X86_64_32, R_X86_64_32S, Form::absolute, 4, 4},
    {R_X86_64_16, R_X86_64_16, Form::absolute, 2},
    {R_X86_64_8, R_X86_64_8, Form::absolute, 1},
    {R_X86_64_PC64, R_X86_64_PC64, Form::pc_relative, 8, 8},
    {R_X86_64_PC32, R_X86_64_PC32, Form::pc_relative, 4, 4},
    {R_X86_64_PLT32, R_X86_64_PLT32, Form::pc_relative, 4, 4},
    {R_X86_64_PC16, R_X86_64_PC16, Form::pc_relative, 2},
    {R_X86_64_PC8, R_X86_64_PC8, Form::pc_relative, 1},
    {R_X86_64_GOTPCREL, R_X86_64_GOTPCREL, Form::table, 4},
    {R_X86_64_GOTPCRELX, R_X86_64_REX_GOTPCRELX, Form::table, 4},
    {R_X86_64_CODE_4_GOTPCRELX, R_X86_64_CODE_4_GOTPCRELX, Form::table, 4},
};

class X86 final : public Machine {
public:
    std::string_view name() const override { return "x86_64"; }
    const char* triple() const override { return "x86_64-linux-gnu"; }
    RelocationKind relocation(uint32_t type) const override { return kind_in(relocations, type); }
    std::optional<unsigned> loaded_width(uint32_t type) const override { return loaded_width_in(relocations, type); }
    bool loader_wants_zero_place() const override { return true; }
    uint32_t canonical(uint32_t type) const override { return type == R_X86_64_PLT32 ? R_X86_64_PC32 : type; }
    int64_t addend_bias(const std::optional<Code>& code, const elf::Relocation& relocation) const override;
    int64_t usual_bias(uint32_t type) const override;
    bool is_branch(elf::Bytes data, const elf::Relocation& relocation) const override;
    uint32_t absolute64() const override { return R_X86_64_64; }
    bool hooks_patchable_entries() const override { return false; }
    bool is_profiling_call(std::string_view symbol) const override {
        return symbol == "__fentry__" || Machine::is_profiling_call(symbol);
    }
    BranchField branch_field(elf::Bytes section, const Instruction& branch) const override;
    bool is_site(Site site, elf::Bytes code, uint64_t offset) const override {
        return is_x86_64_site(site, code, offset);
    }
    bool pushes_argument(const Instruction& instruction) const override {
        return instruction.mnemonic.starts_with("PUSH64");
    }
    unsigned stack_arguments_from() const override { return 6; }
    std::optional<uint64_t> loaded_constant(const Instruction& instruction) const override;
    std::optional<unsigned> argument_number(std::string_view register_name) const override;
    bool has_addresses_in_place() const override { return true; }
    bool survives_call(std::string_view name) const override;
    bool is_stack_pointer(std::string_view name) const override { return name == "RSP"; }
    bool is_result(std::string_view name) const override { return name == "RAX"; }
    bool is_second_result(std::string_view name) const override { return name == "RDX"; }
    std::optional<uint32_t> missing_landing_pad(const Code& code) const override;
    std::optional<elf::Relocation> load_from_memory(std::span<std::byte> section, uint64_t place) const override;
    std::optional<uint64_t> stand_in(const elf::Object& object, const elf::Section& table,
                                     uint64_t offset) const override;
    bool is_same_jump(const Instruction& one, const Instruction& other) const override;
    bool is_padding(const Instruction& instruction) const override {
        bool is_exchange = instruction.mnemonic == "XCHG16ar" && instruction.first_register == "AX";
        return is_exchange || instruction.mnemonic.starts_with("NOOP");
    }
};

int64_t X86::usual_bias(uint32_t type) const {
    RelocationKind kind = relocation(type);
    return kind.form == Form::pc_relative || kind.form == Form::table ? kind.width : 0;
}

int64_t X86::addend_bias(const std::optional<Code>& code, const elf::Relocation& relocation) const {
    RelocationKind kind = this->relocation(relocation.type);
    bool counts_from_end = kind.form == Form::pc_relative || kind.form == Form::table;
    if (!code || !counts_from_end)
        return 0;
    uint64_t field_end = relocation.offset + kind.width;
    if (kind.width != 4 || field_end > code->section.size() || relocation.offset < code->start + 2)
        return kind.width;
    uint8_t modrm = byte_at(code->section, relocation.offset - 1);
    bool is_rip_relative = (modrm & 0xc7) == 0x05;
    if (!is_rip_relative || !may_have_immediate(code->section, relocation.offset))
        return kind.width;
    // Relocations of one function are asked about one after the other: its boundaries are worth keeping.
    struct Boundaries {
        const std::byte* data = nullptr;
        uint64_t start = 0, end = 0;
        std::vector<uint64_t> ends;
    };
    thread_local Boundaries last;
    if (last.data != code->section.data() || last.start != code->start || last.end != code->end) {
        last = {code->section.data(), code->start, code->end, {}};
        for (const Instruction& instruction : disassemble(*code, false))
            last.ends.push_back(instruction.offset + instruction.size);
    }
    auto found = std::ranges::lower_bound(last.ends, field_end);
    if (found != last.ends.end() && (found == last.ends.begin() || found[-1] <= relocation.offset))
        return static_cast<int64_t>(*found - relocation.offset);
    return kind.width;
}

bool X86::is_branch(elf::Bytes data, const elf::Relocation& relocation) const {
    if (canonical(relocation.type) != R_X86_64_PC32 || relocation.offset < 1 || relocation.offset + 4 > data.size())
        return false;
    uint8_t before = byte_at(data, relocation.offset - 1);
    if (before == 0xe8 || before == 0xe9)
        return true;
    return relocation.offset >= 2 && (before & 0xf0) == 0x80 && byte_at(data, relocation.offset - 2) == 0x0f;
}

Machine::BranchField X86::branch_field(elf::Bytes, const Instruction& branch) const {
    const uint64_t end = branch.offset + branch.size;
    const bool is_near = branch.size >= 5; // the others have one byte for the distance
    return {R_X86_64_PLT32, is_near ? end - 4 : end - 1, is_near};
}

std::optional<uint64_t> X86::loaded_constant(const Instruction& instruction) const {
    if (instruction.mnemonic.starts_with("PUSH64i") && instruction.immediates.size() == 1)
        return static_cast<uint64_t>(instruction.immediates[0]);
    return Machine::loaded_constant(instruction);
}

std::optional<unsigned> X86::argument_number(std::string_view register_name) const {
    // System V ABI, AMD64 supplement, 3.2.3
    using Names = std::array<std::string_view, 2>;
    constexpr std::array names{Names{"RDI", "EDI"}, Names{"RSI", "ESI"}, Names{"RDX", "EDX"},
                               Names{"RCX", "ECX"}, Names{"R8", "R8D"},  Names{"R9", "R9D"}};
    for (unsigned number = 0; number < names.size(); ++number)
        if (register_name == names[number][0] || register_name == names[number][1])
            return number;
    return std::nullopt;
}

// System V ABI, AMD64 supplement, 3.2.1
bool X86::survives_call(std::string_view name) const {
    constexpr std::array<std::string_view, 6> names{"RBX", "RBP", "R12", "R13", "R14", "R15"};
    return std::ranges::find(names, name) != names.end();
}

// struct alt_instr (arch/x86/include/asm/alternative.h) is 12 bytes up to 6.2 and 14 since: s32 instr_offset,
// s32 repl_offset, and u8 replacementlen last.
std::optional<uint64_t> X86::stand_in(const elf::Object& object, const elf::Section& table, uint64_t offset) const {
    if (table.name != ".altinstructions")
        return std::nullopt;
    const uint64_t entries = object.relocations(table.index).size() / 2;
    const uint64_t entry_size = entries ? table.data.size() / entries : 0;
    if ((entry_size != 12 && entry_size != 14) || offset % entry_size != 4)
        return std::nullopt;
    const uint64_t start = offset - 4;
    if (start > table.data.size() || table.data.size() - start < entry_size)
        return std::nullopt;
    const bool is_empty = table.data[start + entry_size - 1] == std::byte{0};
    return is_empty ? std::optional(start) : std::nullopt;
}

// JMP_1 and JMP_4; JCC_1 and JCC_4 with the condition as their last operand.
bool X86::is_same_jump(const Instruction& one, const Instruction& other) const {
    auto form = [](const Instruction& instruction) { return instruction.mnemonic.substr(0, 4); };
    const std::string_view kind = form(one);
    if (kind != form(other) || one.immediates.empty() || one.immediates.size() != other.immediates.size())
        return false;
    const size_t last = one.immediates.size() - 1;
    return kind == "JMP_" || (kind == "JCC_" && one.immediates[last] == other.immediates[last]);
}

// ENDBR64 is f3 0f 1e fa.
std::optional<uint32_t> X86::missing_landing_pad(const Code& code) const {
    constexpr std::array<uint8_t, 4> endbr64{0xf3, 0x0f, 0x1e, 0xfa};
    if (code.end > code.section.size() || code.start >= code.end)
        return std::nullopt;
    const elf::Bytes bytes = code.section.subspan(code.start, code.end - code.start);
    const elf::Bytes wanted = std::as_bytes(std::span(endbr64));
    if (bytes.size() >= wanted.size() && std::ranges::equal(bytes.first(wanted.size()), wanted))
        return std::nullopt;
    return R_X86_64_PC32;
}

// movabs $imm64, %reg is REX.W[B] B8+r and eight bytes; mov disp32(%rip), %reg is REX.W[R] 8B, ModRM and four bytes. A
// NOP of three bytes fills the rest.
std::optional<elf::Relocation> X86::load_from_memory(std::span<std::byte> section, uint64_t place) const {
    constexpr uint64_t immediate_size = 8;
    if (place < 2 || place > section.size() || section.size() - place < immediate_size)
        return std::nullopt;
    const uint8_t rex = byte_at(section, place - 2);
    const uint8_t opcode = byte_at(section, place - 1);
    if ((rex != 0x48 && rex != 0x49) || (opcode & 0xf8) != 0xb8)
        return std::nullopt;
    const bool is_upper_register = rex == 0x49;
    const std::array<uint8_t, 10> load = {static_cast<uint8_t>(is_upper_register ? 0x4c : 0x48),
                                          0x8b,
                                          static_cast<uint8_t>((opcode & 7) << 3 | 5),
                                          0,
                                          0,
                                          0,
                                          0,
                                          0x0f,
                                          0x1f,
                                          0x00};
    std::ranges::copy(std::as_bytes(std::span(load)), section.begin() + static_cast<std::ptrdiff_t>(place - 2));
    return elf::Relocation{place + 1, R_X86_64_PC32, 0, -4};
}

} // namespace

const Machine& x86_64() {
    static const X86 machine;
    return machine;
}

} // namespace klp::arch
