// Functions that end in a jump out of the live patch where only a call gets back.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.sibling-call" for each function of the output and what it jumps to, see arch/sibling_calls.h. kpatch's
// create-diff-object has the same rule.
std::vector<report::Finding> find_sibling_calls(const Unit& patched, const Selection& selection,
                                                const KernelSymbols& kernel);

} // namespace klp::diff
