#include "diff/handovers.h"

#include "arch/origins.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace klp::diff {

namespace {

// The name of the function that is called, or nothing where a pointer leads to it.
std::optional<std::string> callee_name(const Unit& unit, const Piece& piece, const arch::Instruction& call) {
    if (const uint32_t callee = callee_of(unit, piece, call); callee != none)
        return unit.title(callee);
    for (const elf::Relocation& relocation : unit.relocations(piece.section, call.offset, call.offset + call.size))
        if (const Reference reference = unit.reference(piece.section, relocation);
            reference.to == Reference::To::symbol)
            return std::string(unit.target_name(reference));
    return std::nullopt;
}

// The pointer that instruction `at` calls was loaded from an address that was made of the register's value and of
// another one: an entry of the table that the register leads to. What leads to the pointer by itself may well be an
// argument: attr->show(kobj, attr, buffer).
//
//     larl %r3, table
//     agr %r1, %r3       of %r1, an index
//     lg %r1, 0(%r1)
//     br %r1
bool leads_to_callee(const Instructions& code, size_t at, unsigned register_number) {
    using Registers = std::set<unsigned>;
    Registers address(code[at].address_registers.begin(), code[at].address_registers.end());
    Registers pointer(code[at].read_registers.begin(), code[at].read_registers.end());
    while (at-- > 0 && !code[at].is_call && !code[at].ends_flow) {
        if (address.contains(register_number))
            return address.size() > 1;
        const arch::Instruction& it = code[at];
        for (unsigned one : it.written_registers) {
            if (one == register_number)
                return false; // it was another value before
            Registers& made = pointer.contains(one) ? pointer : address;
            if (made.erase(one) == 0)
                continue;
            if (it.reads_memory)
                address.insert(it.address_registers.begin(), it.address_registers.end());
            else
                made.insert(it.read_registers.begin(), it.read_registers.end());
        }
    }
    return address.contains(register_number) && address.size() > 1;
}

bool is_return(const Unit& unit, const Piece& piece, const arch::Instruction& it) {
    return it.is_return || returns_through_thunk(unit, piece, it);
}

bool is_profiling_call(const Unit& unit, const Piece& piece, const arch::Instruction& call) {
    return std::ranges::any_of(unit.relocations(piece.section, call.offset, call.offset + call.size),
                               [&](const elf::Relocation& it) {
                                   return unit.machine().is_profiling_call(unit.object().symbol(it.symbol).name);
                               });
}

// The name of a register's lower half, EAX of RAX and W0 of X0. (PowerPC's R3 and X3 are one register to all its
// instructions, whatever the disassembler calls it.)
bool is_half_of(std::string_view half, std::string_view whole) {
    if (half.size() != whole.size() || half.empty() || half.substr(1) != whole.substr(1))
        return false;
    return (half[0] == 'E' && whole[0] == 'R') || (half[0] == 'W' && whole[0] == 'X');
}

// The instruction leaves a number of 32 bits in the register that an address would fill, and not zero, which is NULL:
// what memory holds, what was calculated, or a negative one.
bool writes_half(const arch::Machine& machine, const arch::Instruction& it, unsigned register_number) {
    if (it.is_call || it.written_registers.size() != 1 || it.written_registers[0] != register_number ||
        !is_half_of(it.first_register, machine.register_name(register_number)))
        return false;
    constexpr uint64_t lowest_negative = 0x80000000, highest_negative = 0xffffffff;
    if (const std::optional<uint64_t> constant = machine.loaded_constant(it)) {
        const uint64_t value = *constant & highest_negative;
        return value >= lowest_negative;
    }
    return it.reads_memory || (!it.is_xor && !it.is_difference && !it.read_registers.empty());
}

// By what the register holds at all returns of `piece`.
bool may_return_address(const Unit& unit, const Piece& piece, const Instructions& code, unsigned register_number) {
    const arch::Machine& machine = unit.machine();
    const arch::OriginFinder finder(machine, code, [&](const arch::Instruction& it) { return unit.leaves(piece, it); });
    const bool is_argument = machine.argument_number(machine.register_name(register_number)).has_value();
    for (size_t at = 0; at < code.size(); ++at) {
        if (!is_return(unit, piece, code[at]))
            continue;
        const arch::Origins origins = finder.of(at, register_number);
        // The caller's, as ftrace's call keeps it: the function gives the register no value.
        const bool is_untouched = origins.is_from_caller || std::ranges::any_of(origins.called_at, [&](size_t call) {
                                      return is_profiling_call(unit, piece, code[call]);
                                  });
        if ((is_untouched && !is_argument) || std::ranges::any_of(origins.written_at, [&](size_t where) {
                return writes_half(machine, code[where], register_number);
            }))
            return false;
    }
    return true;
}

} // namespace

uint32_t callee_of(const Unit& unit, const Piece& piece, const arch::Instruction& call) {
    const auto relocations = unit.relocations(piece.section, call.offset, call.offset + call.size);
    uint32_t callee = none;
    if (relocations.empty() && call.branch_target)
        callee = unit.piece_at(piece.section, *call.branch_target);
    for (const elf::Relocation& relocation : relocations)
        if (const Reference reference = unit.reference(piece.section, relocation); reference.to == Reference::To::piece)
            callee = reference.id;
    return callee != none && unit.piece(callee).kind == PieceKind::function ? callee : none;
}

bool may_be_argument(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                     unsigned register_number) {
    const arch::Machine& machine = unit.machine();
    const std::optional<unsigned> number = machine.argument_number(machine.register_name(register_number));
    if (!number)
        return false;
    const std::optional<std::string> callee = callee_name(unit, piece, code[at]);
    if (!callee) // an object's operation gets the object first
        return *number == 0 || !leads_to_callee(code, at, register_number);
    const std::optional<unsigned> count = unit.parameters_of(*callee);
    return !count || *number < *count;
}

bool may_be_result(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                   unsigned register_number) {
    if (!is_return(unit, piece, code[at]))
        return false;
    const arch::Machine& machine = unit.machine();
    const bool is_first = machine.is_result(machine.register_name(register_number));
    const std::optional<arch::FunctionResult> result = unit.result_of(piece);
    if (!result) // second registers are arguments as well, which are often left over; x86's least of all
        return (is_first || machine.has_addresses_in_place()) && may_return_address(unit, piece, code, register_number);
    return result == arch::FunctionResult::other || (result == arch::FunctionResult::word && is_first);
}

} // namespace klp::diff
