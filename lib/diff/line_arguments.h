// Constants that code passes to a call as the number of a line.
#pragma once

#include "arch/debug_lines.h"
#include "diff/instructions.h"

#include <cstdint>
#include <optional>

namespace klp::diff {

// True if instruction `at` loads a constant that the calls it gets to take as a line, and nothing else looks at it.
// `lines` must agree where it knows where the code comes from.
bool is_line_argument(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                      arch::DebugLines& lines);

// If instruction `at` loads a constant that nothing but the call behind it, of whatever function, gets as an argument:
// how far it is behind the line that `lines` gives for the call or for the instruction, if that is not further than a
// statement is long. Nothing if it is further, or before, or if `lines` knows none. An argument that is as far behind
// in two units, and another one, is the line.
std::optional<uint64_t> distance_of_argument_from_line(const Unit& unit, const Piece& piece, const Instructions& code,
                                                       size_t at, arch::DebugLines& lines);

} // namespace klp::diff
