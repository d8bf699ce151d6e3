#include "diff/instructions.h"

#include <algorithm>

namespace klp::diff {

Instructions read_instructions(const Unit& unit, const Piece& piece) {
    const std::optional<arch::Code> code = unit.code_of(piece);
    return code ? unit.machine().disassemble(*code, false) : Instructions();
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
