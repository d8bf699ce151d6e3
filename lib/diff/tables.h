// Tables that a live patch cannot add to.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Warnings "diff.registry-changed" and "diff.registry-added": changes of tables that are walked when the kernel or a
// module starts.
std::vector<report::Finding> find_late_registries(const Pair& pair, const Changes& changes);

// An error "diff.unknown-section" for each section that nobody knows and that refers to a function of the output: it
// may have to say the same of the new one.
std::vector<report::Finding> find_unknown_sections(const Pair& pair, const Selection& selection);

} // namespace klp::diff
