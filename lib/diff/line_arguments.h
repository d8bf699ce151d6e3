// Constants that code passes to a call as the number of a line.
#pragma once

#include "arch/debug_lines.h"
#include "diff/instructions.h"

namespace klp::diff {

// True if instruction `at` loads a constant that the calls it gets to take as a line, and nothing else looks at it.
// `lines` must agree where it knows where the code comes from.
bool is_line_argument(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                      arch::DebugLines& lines);

} // namespace klp::diff
