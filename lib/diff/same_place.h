// Which of several variables of one name is which: told by the code that surrounds their uses, where that code did not
// change.
//
//     before                        after
//     incl  count.1                 incl  count.4
//     call  start                   call  start        the same up to this call, so count.1 is count.4
//     test  %edi, %edi              test  %edi, %edi
//                                   call  log          changed
//     call  next                    call  next
//     incl  count.2                 incl  count.5      the same from the end up to the call before, so count.2 is
//     count.5 ret                           ret
#pragma once

#include "diff/correlate.h"

#include <utility>
#include <vector>

namespace klp::diff {

// Pairs (original, patched) of those among `before` and `after` that two corresponding pieces use at places that
// correspond: in code that is the same from its first instruction to the first call behind the use, or from the last
// instruction to the call before the use; in data at the same offset. `known` says which pieces are pairs already. A
// variable for which two places disagree is left out. Linear in the size of the two pieces.
std::vector<std::pair<uint32_t, uint32_t>>
used_at_same_places(const Unit& original, uint32_t original_piece, const Unit& patched, uint32_t patched_piece,
                    const Correlation& known, const std::vector<uint32_t>& before, const std::vector<uint32_t>& after);

} // namespace klp::diff
