// Tables whose content is made when the kernel or module is linked: lists of BTF ids (linux/btf_ids.h). Patched code
// may use those that the running kernel has. It cannot have one of its own, since nobody fills it in, and a list that
// the patch changes stays what it was.
#pragma once

#include "diff/compare.h"
#include "diff/correlate.h"
#include "diff/macros.h"
#include "report/finding.h"

namespace klp::diff {

// Errors "diff.link-table-added" for each such table that the `included` pieces (by patched piece) bring along, and
// "diff.link-table-changed" for each that has other entries or flags than before and that the author does not leave
// out.
std::vector<report::Finding> find_link_tables(const Unit& patched, const Correlation& correlation,
                                              const Comparison& comparison, const std::vector<bool>& included,
                                              const Macros& macros);

} // namespace klp::diff
