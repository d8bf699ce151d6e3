#include "diff/address_identity.h"

#include "arch/address_flow.h"

#include <algorithm>

namespace klp::diff {

namespace {

std::optional<std::string> describe(const arch::AddressUses& uses, bool has_code) {
    if (!uses.compared_at.empty())
        return "compares its address";
    if (uses.is_stored)
        return "stores its address";
    if (uses.is_returned)
        return "returns its address";
    if (has_code && uses.is_passed)
        return "passes its address on";
    if (has_code && !uses.is_known)
        return "takes its address";
    return std::nullopt;
}

std::optional<std::string> use_in_piece(const Unit& unit, const Piece& piece, uint32_t variable, bool has_code) {
    std::vector<arch::Instruction> code;
    for (const elf::Relocation& relocation : unit.relocations(piece)) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to != Reference::To::piece || reference.id != variable)
            continue;
        if (code.empty())
            code = unit.machine().disassemble(*unit.code_of(piece), false);
        auto after = std::ranges::upper_bound(code, relocation.offset, {}, &arch::Instruction::offset);
        if (after == code.begin())
            continue; // in the padding before the function
        const size_t at = static_cast<size_t>(after - code.begin()) - 1;
        arch::AddressUses uses;
        switch (arch::field_use(code[at], relocation, unit.machine().relocation(relocation.type).width)) {
        case arch::FieldUse::access:
        case arch::FieldUse::indexed:
        case arch::FieldUse::branch:
            continue;
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
            uses = arch::follow_address(unit.machine(), code, at,
                                        [&](const arch::Instruction& it) { return unit.leaves(piece, it); });
            break;
        }
        if (auto use = describe(uses, has_code))
            return use;
    }
    return std::nullopt;
}

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
    if (auto use = use_in_piece(unit, unit.piece(root), variable, has_code))
        return use;
    for (uint32_t part : unit.parts_of(root))
        if (auto use = use_in_piece(unit, unit.piece(part), variable, has_code))
            return use;
    return std::nullopt;
}

} // namespace klp::diff
