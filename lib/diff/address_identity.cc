#include "diff/address_identity.h"

#include "arch/address_flow.h"
#include "diff/instructions.h"

#include <algorithm>
#include <map>
#include <vector>

namespace klp::diff {

namespace {

// What one function, or a part of it, does with the variable's address.
class Uses {
public:
    Uses(const Unit& unit, const Piece& piece, uint32_t variable, bool has_code)
        : unit_(unit), piece_(piece), has_code_(has_code) {
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const Reference reference = unit.reference(piece.section, relocation);
            if (reference.to == Reference::To::piece && reference.id == variable)
                add(relocation);
        }
    }

    std::optional<std::string> identity() const {
        // The end of a loop over the table: both sides of the comparison are addresses of it.
        if (std::ranges::any_of(compared_, [](const auto& it) { return it.second == 1; }))
            return "compares its address";
        for (const arch::AddressUses& uses : all_) {
            if (uses.is_stored)
                return "stores its address";
            if (uses.is_returned)
                return "returns its address";
            if (has_code_ && uses.is_passed)
                return "passes its address on";
            if (has_code_ && !uses.is_known)
                return "takes its address";
        }
        return std::nullopt;
    }

private:
    void add(const elf::Relocation& relocation) {
        if (code_.empty())
            code_ = read_instructions(unit_, piece_);
        const size_t at = instruction_at(code_, relocation.offset);
        if (at >= code_.size())
            return; // in the padding before the function
        arch::AddressUses uses;
        switch (arch::field_use(code_[at], relocation, unit_.machine().relocation(relocation.type).width)) {
        case arch::FieldUse::access:
        case arch::FieldUse::indexed:
        case arch::FieldUse::branch:
            return;
        case arch::FieldUse::compared:
            uses.compared_at.push_back(at);
            break;
        case arch::FieldUse::stored:
            uses.is_stored = true;
            break;
        case arch::FieldUse::unknown:
            uses.is_known = false;
            break;
        case arch::FieldUse::taken:
        case arch::FieldUse::indexed_taken:
            uses = arch::follow_address(unit_.machine(), code_, at,
                                        [&](const arch::Instruction& it) { return unit_.leaves(piece_, it); });
            break;
        }
        for (size_t where : uses.compared_at)
            ++compared_[where];
        all_.push_back(std::move(uses));
    }

    const Unit& unit_;
    const Piece& piece_;
    bool has_code_;
    Instructions code_;
    std::vector<arch::AddressUses> all_;
    std::map<size_t, unsigned> compared_; // instruction -> how many references get there
};

} // namespace

bool holds_code_pointers(const Unit& unit, uint32_t variable) {
    const Piece& piece = unit.piece(variable);
    return std::ranges::any_of(unit.relocations(piece), [&](const elf::Relocation& relocation) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to == Reference::To::symbol) // of a function or not: nobody says
            return true;
        return reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::function;
    });
}

std::optional<std::string> identity_use(const Unit& unit, uint32_t function, uint32_t variable) {
    const bool has_code = holds_code_pointers(unit, variable);
    const uint32_t root = unit.root_of(function);
    if (auto use = Uses(unit, unit.piece(root), variable, has_code).identity())
        return use;
    for (uint32_t part : unit.parts_of(root))
        if (auto use = Uses(unit, unit.piece(part), variable, has_code).identity())
            return use;
    return std::nullopt;
}

} // namespace klp::diff
