// New code that writes to memory which the running kernel protects.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Errors "diff.read-only-write": an instruction that comes along writes to a variable of the unit that is read-only by
// the time it runs, which is an oops (mark_rodata_ro() in the kernel's init/main.c; module_enable_ro() for modules). A
// function that wrote there before the patch is let be: it may run at the start only. Linear in the code.
std::vector<report::Finding> find_read_only_writes(const Pair& pair, const Selection& selection);

} // namespace klp::diff
