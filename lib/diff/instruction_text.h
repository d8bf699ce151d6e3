// An instruction as people read it: with the names of what it refers to.
#pragma once

#include "diff/unit.h"

#include <string>

namespace klp::diff {

// The name, string or place that a reference leads to; empty for a mark without meaning.
std::string reference_text(const Unit& unit, const Reference& reference);

// "movq %gs:0x0, %rax -> current_task"; a branch within the function has its target counted from the entry:
// "jne +0x52". `instruction` is one of `piece`, read with its text.
std::string instruction_text(const Unit& unit, const Piece& piece, const arch::Instruction& instruction);

// The same without what another place of the code, or another number that a compiler gave, makes of it: equal for
// instructions that do the same.
std::string instruction_meaning(const Unit& unit, const Piece& piece, const arch::Instruction& instruction);

} // namespace klp::diff
