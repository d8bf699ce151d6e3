#include "diff/code_pointers.h"

#include <algorithm>

namespace klp::diff {

bool holds_code_pointers(const Unit& unit, uint32_t variable) {
    const Piece& piece = unit.piece(variable);
    return std::ranges::any_of(unit.relocations(piece), [&](const elf::Relocation& relocation) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to == Reference::To::symbol) // of a function or not: nobody says
            return true;
        // Labels inside of a function (&&label) are its own affair.
        return reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::function &&
               reference.offset <= 0;
    });
}

CodePointers::CodePointers(const Unit& unit) : leads_(unit.pieces().size(), false) {
    std::vector<std::vector<uint32_t>> holders(leads_.size()); // of a read-only variable: who refers to it
    std::vector<uint32_t> open;
    for (uint32_t index = 0; index < leads_.size(); ++index) {
        const Piece& piece = unit.piece(index);
        if (piece.kind == PieceKind::function)
            continue;
        if (holds_code_pointers(unit, index)) {
            leads_[index] = true;
            open.push_back(index);
        }
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const Reference reference = unit.reference(piece.section, relocation);
            if (reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::variable &&
                arch::is_read_only(unit.object().section(unit.piece(reference.id).section)))
                holders[reference.id].push_back(index);
        }
    }
    while (!open.empty()) {
        const uint32_t variable = open.back();
        open.pop_back();
        for (uint32_t holder : holders[variable])
            if (!leads_[holder]) {
                leads_[holder] = true;
                open.push_back(holder);
            }
    }
}

} // namespace klp::diff
