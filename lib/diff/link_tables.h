// Tables whose content is made when the kernel or module is linked: lists of BTF ids (linux/btf_ids.h). Patched code
// may use those that the running kernel has. It cannot have one of its own, since nobody fills it in, and a list that
// the patch changes stays what it was.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Errors "diff.link-table-added" for each such table that comes along, and "diff.link-table-changed" for each that has
// other entries or flags than before and that the author does not leave out.
std::vector<report::Finding> find_link_tables(const Pair& pair, const Changes& changes, const Selection& selection);

} // namespace klp::diff
