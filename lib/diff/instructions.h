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

// A return that goes through a thunk for the sake of the processor's branch prediction (arch/x86/lib/retpoline.S,
// arch/s390/lib/expoline.S).
bool returns_through_thunk(const Unit& unit, const Piece& piece, const arch::Instruction& instruction);

} // namespace klp::diff
