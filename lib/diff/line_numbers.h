// Functions whose only difference is the line numbers they report. The build keeps lines where it can (lib/source);
// this is for objects that were compiled without.
#pragma once

#include "arch/debug_lines.h"
#include "diff/compare.h"

namespace klp::diff {

// One unit and what is known about it: the hasher is that of the comparison.
struct LineSide {
    const Unit& unit;
    MeaningHasher& hasher;
    arch::DebugLines lines;
    LineSide(const Unit& of, MeaningHasher& with) : unit(of), hasher(with), lines(of.object()) {}
};

// True if the two pieces have the same instructions and references but for constants that are passed to a call as the
// argument after a file's name or a function's name (WARN, might_sleep, lockdep, printk: `const char *file, int line`),
// or that are, as debug data has it, the line of the code that passes them. Linear in the functions' size.
bool differ_in_line_numbers_only(LineSide& original, uint32_t before, LineSide& patched, uint32_t after);

} // namespace klp::diff
