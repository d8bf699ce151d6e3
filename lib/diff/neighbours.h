// Functions that the assembler tied to their neighbours in a section: the output has them alone, or in another order.
#pragma once

#include "diff/selection.h"
#include "diff/unit.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Errors, of the functions of the output:
//   "diff.short-branch"      jumps to a neighbour with a branch that is too short to be moved
//   "diff.falls-through"     (assembly) goes on in the next one
//   "diff.resolved-address"  (assembly) points to a neighbour by a distance that no relocation tells
std::vector<report::Finding> find_tied_functions(const Unit& patched, const Selection& selection);

} // namespace klp::diff
