// Changed content of variables, which the running kernel has already.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// For each variable whose initial content the patch changes: an error "diff.data-changed", unless a copy comes along
// with all who see it or nobody reads it; a warning "diff.registry-changed" or "diff.init-data-changed" for what is
// read, or there, only while the kernel or module starts; a note "diff.syscall-metadata" for what only tracing reads.
std::vector<report::Finding> find_changed_data(const Pair& pair, const Changes& changes, const Selection& selection);

} // namespace klp::diff
