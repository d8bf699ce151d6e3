#include "diff/handovers.h"

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

bool may_be_result(const Unit& unit, const Piece& piece, const arch::Instruction& instruction,
                   unsigned register_number) {
    if (!instruction.is_return && !returns_through_thunk(unit, piece, instruction))
        return false;
    const arch::Machine& machine = unit.machine();
    const bool is_first = machine.is_result(machine.register_name(register_number));
    const std::optional<arch::FunctionResult> result = unit.result_of(piece);
    if (!result) // second registers are arguments as well, which are often left over; x86's least of all
        return is_first || machine.has_addresses_in_place();
    return result == arch::FunctionResult::other || (result == arch::FunctionResult::word && is_first);
}

} // namespace klp::diff
