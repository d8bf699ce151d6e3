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

} // namespace klp::diff
