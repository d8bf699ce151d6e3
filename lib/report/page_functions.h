// The part of the page that a reviewer works through: each function with what became of its source and its code.
#pragma once

#include "report/facts.h"
#include "report/html.h"

namespace klp::report {

// The changed and new functions by object, each to be unfolded. Nothing if there is none.
Html functions_view(const Facts& facts);

// The patch's effect on each file, folded where functions_view() has its parts.
Html patch_view(const Facts& facts);

} // namespace klp::report
