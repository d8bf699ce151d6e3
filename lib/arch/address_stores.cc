#include "arch/address_stores.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace klp::arch {

namespace {

using Does = AddressUse::Does;

// An opcode, and where among its register operands those are that count.
struct Row {
    std::string_view mnemonic;
    Does does;
    unsigned values = 0; // the first one that is copied or stored
    unsigned count = 1;  // and how many there are
    unsigned base = 0;
};

// Operands of memory are base, index, segment on x86 (Intel's names of opcodes are LLVM's own: X86InstrInfo.td).
constexpr auto x86_64 = std::to_array<Row>({{"LEA64r", Does::makes},
                                            {"MOV64ri32", Does::makes},
                                            {"MOV64ri", Does::makes},
                                            {"MOV64rr", Does::copies, 1},
                                            {"MOV64mi32", Does::stores_immediate},
                                            {"MOV64mr", Does::stores, 3}});
constexpr auto aarch64 = std::to_array<Row>({{"ADDXri", Does::makes},
                                             {"ADR", Does::makes},
                                             {"ORRXrs", Does::copies, 2},
                                             {"STRXui", Does::stores, 0, 1, 1},
                                             {"STURXi", Does::stores, 0, 1, 1}});
constexpr auto ppc64le = std::to_array<Row>({{"ADDI", Does::makes},
                                             {"OR", Does::copies, 1},
                                             {"STD", Does::stores, 0, 1, 1}});
constexpr auto s390x = std::to_array<Row>({{"LARL", Does::makes},
                                           {"LGR", Does::copies, 1},
                                           {"STG", Does::stores, 0, 1, 1}});
constexpr auto loongarch64 = std::to_array<Row>({{"ADDI_D", Does::makes},
                                                 {"OR", Does::copies, 1},
                                                 {"ST_D", Does::stores, 0, 1, 1},
                                                 {"STPTR_D", Does::stores, 0, 1, 1}});

struct Machines {
    std::string_view name;
    std::span<const Row> rows;
    std::string_view stack_pointer; // LLVM's name
};

constexpr std::array machines{Machines{"x86_64", x86_64, "RSP"}, Machines{"arm64", aarch64, "SP"},
                              Machines{"powerpc", ppc64le, "X1"}, Machines{"s390", s390x, "R15D"},
                              Machines{"loongarch", loongarch64, "R3"}};

std::string_view name_of(const Instruction& instruction, unsigned operand) {
    return operand == 0 ? instruction.first_register : operand == 1 ? instruction.second_register : std::string_view();
}

// LLVM has two numbers for a register of ppc64, by the width that an instruction is said to use, and numbers that count
// up in the names of both.
unsigned key_of(const Machine& machine, const Instruction& instruction, unsigned operand) {
    std::string_view name = name_of(instruction, operand);
    if (machine.name() != "powerpc" || name.size() < 2)
        return instruction.registers[operand];
    unsigned number = 0;
    std::from_chars(name.data() + 1, name.data() + name.size(), number);
    return number + 1;
}

} // namespace

AddressUse address_use(const Machine& machine, const Instruction& instruction) {
    AddressUse use;
    auto known = std::ranges::find(machines, machine.name(), &Machines::name);
    if (known == machines.end() || !instruction.is_valid || instruction.registers.empty())
        return use;
    auto row = std::ranges::find(known->rows, instruction.mnemonic, &Row::mnemonic);
    const size_t needed = row == known->rows.end() ? 0 : std::max(row->values + row->count, row->base + 1);
    if (row == known->rows.end() || instruction.registers.size() < (row->does == Does::makes ? 1 : needed)) {
        use.result = key_of(machine, instruction, 0);
        return use;
    }
    use.does = row->does;
    if (row->does == Does::makes || row->does == Does::copies)
        use.result = key_of(machine, instruction, 0);
    if (row->does == Does::copies || row->does == Does::stores)
        for (unsigned at = 0; at < row->count; ++at)
            use.values.push_back(key_of(machine, instruction, row->values + at));
    if (row->does == Does::copies)
        use.sets_up_frame = name_of(instruction, row->values) == known->stack_pointer;
    if (row->does == Does::stores || row->does == Does::stores_immediate) {
        use.base = key_of(machine, instruction, row->base);
        use.is_on_stack = name_of(instruction, row->base) == known->stack_pointer;
    }
    return use;
}

} // namespace klp::arch
