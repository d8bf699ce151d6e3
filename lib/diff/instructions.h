// The instructions of a piece of code, read once.
#pragma once

#include "diff/unit.h"

#include <vector>

namespace klp::diff {

using Instructions = std::vector<arch::Instruction>;

// Those from the entry on; none for data.
Instructions read_instructions(const Unit& unit, const Piece& piece);

// The number of the instruction that the byte at `offset` of the section is in; the size of `code` if that is in the
// padding before the function.
size_t instruction_at(const Instructions& code, uint64_t offset);

} // namespace klp::diff
