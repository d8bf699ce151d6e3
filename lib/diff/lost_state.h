// State of the running kernel that the patch takes away from code that it replaces.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// A writable variable, of one function or of the file, that a replaced function used, in whichever part of it, and that
// the patched unit no longer has. Its value is lost: to what is in its place now (a variable that was only renamed
// begins anew), and to the old code, which finds it as it was when the patch is disabled. One finding per variable:
//   diff.static-local          there is another of that name, and nothing tells which is which: error
//   diff.static-local-removed  a variable of one function: error
//   diff.static-data-removed   a variable of the file: error
// The latter two are warnings if the author takes each of the functions in any case (KLP_FORCE_UNSAFE).
std::vector<report::Finding> find_lost_state(const Pair& pair, const Selection& selection, const KernelSymbols& kernel);

} // namespace klp::diff
