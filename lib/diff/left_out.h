// Changes that do not come along: because the author says so, or because nothing gets to them.
#pragma once

#include "diff/compare.h"
#include "diff/macros.h"
#include "report/finding.h"

#include <string_view>
#include <vector>

namespace klp::diff {

// A note: KLP_IGNORE_FUNCTION() or KLP_IGNORE_SECTION() leaves out something that differs.
inline constexpr std::string_view left_out_code = "diff.left-out";

// One finding for each changed function and variable that is left out by the author, and "diff.unreachable-change" for
// each changed function that ftrace cannot hook and whose callers are left out: an error if none is left that brings
// it along, a warning if some are.
std::vector<report::Finding> find_left_out(const Unit& patched, const Correlation& correlation,
                                           const Comparison& comparison, const std::vector<bool>& included,
                                           const Macros& macros);

} // namespace klp::diff
