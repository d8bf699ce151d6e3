#include "diff/handovers.h"

#include "diff/instructions.h"

#include <optional>
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

bool may_be_argument(const Unit& unit, const Piece& piece, const arch::Instruction& call, unsigned register_number) {
    const arch::Machine& machine = unit.machine();
    const std::optional<unsigned> number = machine.argument_number(machine.register_name(register_number));
    const std::optional<std::string> callee = number ? callee_name(unit, piece, call) : std::nullopt;
    if (!callee)
        return number.has_value();
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
    return result == arch::FunctionResult::other || (result == arch::FunctionResult::pointer && is_first);
}

} // namespace klp::diff
