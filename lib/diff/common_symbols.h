// Variables without a place (gabi, SHN_COMMON), which only a link gives them: what -fcommon makes of `int count;`.
#pragma once

#include "diff/unit.h"
#include "report/finding.h"

namespace klp::diff {

// An error "diff.common-symbol" for each that is new and that one of the `included` pieces (by patched piece) refers
// to: the module loader refuses modules that have one (kernel/module/main.c, simplify_symbols()).
std::vector<report::Finding> find_new_commons(const Unit& original, const Unit& patched,
                                              const std::vector<bool>& included);

} // namespace klp::diff
