// Changed functions that ftrace cannot hook, and the way around them.
#pragma once

#include "diff/compare.h"
#include "diff/correlate.h"
#include "diff/unit.h"

namespace klp::diff {

// A changed function without an ftrace location (inline implies notrace: __do_sys_newuname() behind two system call
// entries is one) can still be replaced together with those that call it, if they are all known: the function is
// local, and nobody takes its address. Marks it in `through_callers` and its callers, up to such that can be hooked,
// in `changed_functions`. What cannot be reached so is left as it was, for the selection to refuse.
void reach_through_callers(const Unit& original, const Unit& patched, const Correlation& correlation,
                           Comparison& comparison);

} // namespace klp::diff
