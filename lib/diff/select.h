// What of a pair comes along, and what stands in the way.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

struct Selected {
    Selection selection;
    std::vector<report::Finding> findings; // errors are what cannot be patched
    // By patched piece: it comes along only for functions that cannot be patched, so what else is wrong with it does
    // not matter.
    std::vector<bool> moot;
};

Selected select(const Pair& pair, const Changes& changes, const KernelSymbols& kernel);

} // namespace klp::diff
