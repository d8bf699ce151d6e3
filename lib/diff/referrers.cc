#include "diff/referrers.h"

#include <algorithm>

namespace klp::diff {

std::vector<std::vector<uint32_t>> referrers_of(const Unit& unit, const std::vector<bool>& wanted) {
    std::vector<std::vector<uint32_t>> result(unit.pieces().size());
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        const Role role = unit.role(piece.section);
        if (role == Role::unknown || role == Role::registry || unit.is_watch_list(piece.section))
            continue;
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            Reference reference = unit.reference(piece.section, relocation);
            if (reference.to == Reference::To::piece && reference.id != index && wanted[reference.id])
                result[reference.id].push_back(index);
        }
    }
    return result;
}

bool is_referred_to(const Unit& unit, uint32_t piece) {
    return std::ranges::any_of(unit.object().relocation_tables(), [&](const elf::RelocationTable& table) {
        const SpecialSection* kind = arch::find_special(unit.object().section(table.target).name);
        if ((kind && kind->policy == Policy::drop) || unit.is_watch_list(table.target))
            return false;
        return std::ranges::any_of(table.entries, [&](const elf::Relocation& relocation) {
            const Reference reference = unit.reference(table.target, relocation);
            return reference.to == Reference::To::piece && reference.id == piece;
        });
    });
}

} // namespace klp::diff
