#include "diff/function_uses.h"

namespace klp::diff {

FunctionUses::FunctionUses(const Unit& unit)
    : callers_(unit.pieces().size()), is_pointed_to_(callers_.size()), is_registered_(callers_.size()) {
    for (uint32_t index = 0; index < callers_.size(); ++index)
        read(unit, index);
}

void FunctionUses::read(const Unit& unit, uint32_t from) {
    const Piece& piece = unit.piece(from);
    const Role role = unit.role(piece.section);
    for (const elf::Relocation& relocation : unit.relocations(piece)) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to != Reference::To::piece || unit.piece(reference.id).kind != PieceKind::function)
            continue;
        const uint32_t target = unit.root_of(reference.id);
        if (unit.root_of(from) == target)
            continue;
        if (role == Role::unknown || role == Role::registry)
            is_registered_[target] = true;
        else if (piece.kind == PieceKind::function &&
                 unit.machine().is_branch(unit.object().section(piece.section).data, relocation))
            callers_[target].push_back(unit.root_of(from));
        else if (reference.offset <= 0)
            is_pointed_to_[target] = true;
    }
}

bool is_init_code(const Unit& unit, uint32_t function) {
    return arch::is_init(unit.object().section(unit.piece(function).section).name);
}

} // namespace klp::diff
