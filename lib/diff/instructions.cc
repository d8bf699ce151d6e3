#include "diff/instructions.h"

#include <algorithm>

namespace klp::diff {

Instructions read_instructions(const Unit& unit, const Piece& piece) {
    const std::optional<arch::Code> code = unit.code_of(piece);
    return code ? unit.machine().disassemble(*code, false) : Instructions();
}

const Instructions& CodeReader::code_of(uint32_t piece) {
    const auto [found, is_new] = code_.try_emplace(piece);
    if (is_new)
        found->second = read_instructions(unit_, unit_.piece(piece));
    return found->second;
}

std::span<const elf::Relocation* const> CodeReader::references(uint32_t piece, uint32_t target) {
    const auto [found, is_new] = references_.try_emplace(piece);
    if (is_new)
        for (const elf::Relocation& relocation : unit_.relocations(unit_.piece(piece)))
            if (const Reference reference = unit_.reference(unit_.piece(piece).section, relocation);
                reference.to == Reference::To::piece)
                found->second[reference.id].push_back(&relocation);
    const auto to_target = found->second.find(target);
    return to_target == found->second.end() ? std::span<const elf::Relocation* const>() : to_target->second;
}

size_t instruction_at(const Instructions& code, uint64_t offset) {
    const auto after = std::ranges::upper_bound(code, offset, {}, &arch::Instruction::offset);
    return after == code.begin() ? code.size() : static_cast<size_t>(after - code.begin()) - 1;
}

bool returns_through_thunk(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    constexpr std::array thunks{std::string_view("__x86_return_thunk"), std::string_view("__s390_indirect_jump_r14")};
    for (const elf::Relocation& relocation :
         unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
        if (std::ranges::find(thunks, unit.object().symbol(relocation.symbol).name) != thunks.end())
            return !instruction.is_call;
    return false;
}

} // namespace klp::diff
