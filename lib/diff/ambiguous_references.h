// References to the place where one thing ends and another begins, of which the object does not say what they mean.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.ambiguous-reference" for each reference of the output that may mean either of two pieces that touch
// (boundaries.h), unless it comes to the same: both come along, side by side; both are the kernel's, where they touch
// as well; or the function referred to the one it is taken for before, as often as now.
std::vector<report::Finding> find_ambiguous_references(const Pair& pair, const Selection& selection);

} // namespace klp::diff
