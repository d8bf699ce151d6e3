// Variables that nothing writes any more: the compiler takes their initial values for them.
//
//     static int limit = 8;                          static int limit = 8;
//     int set(int x) { limit = x; }          ->      int set(int x) { }
//     int get(void) { return limit; }                int get(void) { return limit; }      compiled as `return 8`
//
// The running kernel's variable has another value by now.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.storage-changed" for each local variable that was writable and is read-only now, and that a function
// which comes along used to refer to and does not any more. Not where the author forces the function.
std::vector<report::Finding> find_folded_state(const Pair& pair, const Selection& selection);

} // namespace klp::diff
