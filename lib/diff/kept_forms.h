// Variables that a compiler keeps in another form than before: of a static variable that only ever is 0 or 81 Clang
// keeps a flag, and if the patch makes it 0 or 88, the kernel's flag still stands for 81.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.storage-changed" for each such variable of the running kernel that what comes along refers to. What
// the forms are only debug data says: without it nothing is found.
std::vector<report::Finding> find_other_forms(const Pair& pair, const Selection& selection);

} // namespace klp::diff
