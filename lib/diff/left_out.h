// Changes that do not come along: because the author says so, or because nothing gets to them.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <string_view>
#include <vector>

namespace klp::diff {

// A note: KLP_IGNORE_FUNCTION() or KLP_IGNORE_SECTION() leaves out something that differs.
inline constexpr std::string_view left_out_code = "diff.left-out";

// A note "diff.init-inlined" for each of Changes::settled, a warning "diff.exit-changed" for each of Changes::idle; one
// finding for each changed function and variable that is left out by the author, and "diff.unreachable-change" for each
// changed function that ftrace cannot hook and whose callers are left out: an error if none is left that brings it
// along, a warning if some are.
std::vector<report::Finding> find_left_out(const Pair& pair, const Changes& changes, const Selection& selection);

} // namespace klp::diff
