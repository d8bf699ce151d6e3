// Which of several variables of one name is which: told by what decides whether one of them is used, together with what
// happens only where it is used. One of the two alone may be what the patch changed.
//
//     before                                           after
//     if (v < 0)    { if (!warned++)  log("low"); }    if (v < 0)    { if (!warned++)  log("low"); }
//     if (check(v)) { if (!warned++)  log("bad"); }    if (v > 4096) return -7;
//                                                      if (check(v)) { if (!warned++)  log("bad"); }
//
// "bad" is named once in each, nobody gets there but by way of the second variable, and nobody to that but by the
// branch behind check().
#pragma once

#include "diff/correlate.h"

#include <set>
#include <utility>
#include <vector>

namespace klp::diff {

// Pairs (original, patched) of those among `before` and `after` whose guards are the same and that have a companion in
// common, and none that speaks for another. A guard is the branch that every way to a use has taken last, with the
// comparison and the call before it; a companion a call, a string or another reference that is there once in each of
// the two functions, and that every way through the function, from its entry or to its ends, reaches by way of exactly
// one of the variables. `known` says which pieces are pairs already. Time: the size of the two functions, once for every
// 64 variables.
std::set<std::pair<uint32_t, uint32_t>>
pair_by_companions(const Unit& original, uint32_t original_function, const Unit& patched, uint32_t patched_function,
                   const Correlation& known, const std::vector<uint32_t>& before, const std::vector<uint32_t>& after);

} // namespace klp::diff
