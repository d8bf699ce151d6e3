// Variables without a place (gabi, SHN_COMMON), which only a link gives them: what -fcommon makes of `int count;`.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.common-symbol" for each that is new and that something which comes along refers to: the module loader
// refuses modules that have one (kernel/module/main.c, simplify_symbols()).
std::vector<report::Finding> find_new_commons(const Pair& pair, const Selection& selection);

} // namespace klp::diff
