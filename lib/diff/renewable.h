// Static variables whose loss does no harm: keys that lock debugging tells classes of locks by, and the states of rate
// limits. A live patch that brings its own has locks of another class, and messages that are limited anew.
#pragma once

#include "diff/unit.h"

#include <vector>

namespace klp::diff {

// By piece: those of the `wanted` variables with which nothing in the unit does more than pass their address to
// functions that take such a key or state (include/linux/lockdep.h, include/linux/ratelimit.h), and those that have no
// bytes at all. Linear in the size of the unit.
std::vector<bool> find_renewable(const Unit& unit, const std::vector<bool>& wanted);

} // namespace klp::diff
