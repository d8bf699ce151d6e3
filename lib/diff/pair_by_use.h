// Pairs of variables by who uses them.
#pragma once

#include "diff/pairing.h"

namespace klp::diff {

// Pairs static locals, and variables of one source and name that only a linked object without FILE symbols has: those
// of equal name, less the compiler's numbers, that belong to one function of the source, where debug data says so
// (arch/variable_scopes.h), or that corresponding functions and variables use, as far as something tells which is which
// (same_place.h, or size and initial content). Neither their order nor their number does.
void pair_by_use(Pairing& pairing);

} // namespace klp::diff
