// Functions whose only difference is the line numbers they report. The build keeps lines where it can (lib/source);
// this is for objects that were compiled without.
#pragma once

#include "diff/compare.h"

namespace klp::diff {

// True if the two pieces have the same instructions and references but for constants that are passed to a call as the
// argument after a file's name or a function's name (WARN, might_sleep, lockdep, printk: `const char *file, int line`).
// The hashers are those of the comparison. Linear in the functions' size.
bool differ_in_line_numbers_only(const Unit& original, uint32_t before, const Unit& patched, uint32_t after,
                                 MeaningHasher& original_hasher, MeaningHasher& patched_hasher);

} // namespace klp::diff
