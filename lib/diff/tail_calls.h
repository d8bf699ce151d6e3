// Changed functions that leave by a jump into code that only the patch has.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// A function that ends in a jump to another one is not on the stack while that one runs. The kernel's check of stacks
// (klp_check_stack_func() in kernel/livepatch/transition.c) looks for replaced functions only, so it misses a task that
// sleeps in one that the patch adds when it got there by such a jump, and lets the module go. A warning
// "diff.tail-call" for each changed function and the added one that it jumps to.
std::vector<report::Finding> find_tail_calls(const Unit& patched, const Selection& selection);

} // namespace klp::diff
