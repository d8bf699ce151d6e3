// Changed functions that ftrace cannot redirect, or not to any effect.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

struct Unpatchable {
    std::vector<uint32_t> functions; // of Selection::changed: nothing but to leave them out helps
    std::vector<report::Finding> findings;
};

// Errors "diff.init-changed", "diff.exit-changed", "diff.no-ftrace", "diff.weak-overridden" and "diff.section-changed",
// each with the function.
Unpatchable find_unpatchable(const Pair& pair, const Selection& selection, const KernelSymbols& kernel);

// Errors "diff.alias-changed": a global name that one unit has for a body of its own and the other for somebody else's
// (an alias, or two functions that the compiler found to be equal). ftrace redirects addresses, which do not tell the
// names apart.
std::vector<report::Finding> find_changed_aliases(const Pair& pair);

// Notes "diff.function-removed": what nobody calls by its name any more may still be called by who has its address, by
// other units, by old code.
std::vector<report::Finding> find_removed_functions(const Pair& pair);

} // namespace klp::diff
