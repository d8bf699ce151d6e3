// Static variables whose loss does no harm: keys that lock debugging tells classes of locks by, and the states of rate
// limits. A live patch that brings its own has locks of another class, and messages that are limited anew.
#pragma once

#include "diff/unit.h"

namespace klp::diff {

// True if nothing in the unit does more with the variable than pass its address to functions that take such a key or
// state (include/linux/lockdep.h, include/linux/ratelimit.h), or if it has no bytes at all.
bool is_renewable(const Unit& unit, uint32_t variable);

} // namespace klp::diff
