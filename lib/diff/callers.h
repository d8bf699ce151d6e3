// Changed functions that ftrace cannot hook, and the way around them.
#pragma once

#include "diff/pair.h"

#include <vector>

namespace klp::diff {

// By patched piece.
struct ReachedChanges {
    std::vector<bool> functions;       // the changed ones, and those that bring one along
    std::vector<bool> through_callers; // those that are brought
};

// A changed function without an ftrace location (inline implies notrace: __do_sys_newuname() behind two system call
// entries is one) can still be replaced together with those that call it, if they are all known: the function is
// local, and nobody takes its address. It is then in `through_callers`, and its callers, up to such that can be hooked,
// are in `functions`. What cannot be reached so is left as it was, for the selection to refuse.
ReachedChanges reach_through_callers(const Pair& pair, const std::vector<bool>& changed);

} // namespace klp::diff
