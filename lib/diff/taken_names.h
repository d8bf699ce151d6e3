// New definitions whose names the running kernel has already.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// A global function or variable that is new in this unit and that the kernel has by the same name, from another unit:
// its weak version there, or it moved. The kernel was linked long ago, and what it is made of goes on with the old one.
// An error "diff.name-taken" for each.
std::vector<report::Finding> find_taken_names(const Pair& pair, const Selection& selection,
                                              const KernelSymbols& kernel);

} // namespace klp::diff
