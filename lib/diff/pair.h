// What the two objects of a unit say: both units, which piece of the one is which of the other, and what the patch's
// author says in the patched one.
#pragma once

#include "diff/correlate.h"
#include "diff/macros.h"
#include "diff/unit.h"

namespace klp::diff {

// All of it outlives the pair.
struct Pair {
    const Unit& original;
    const Unit& patched;
    const Correlation& correlation;
    const Macros& macros; // of the patched unit

    // The original piece that a patched one was, or `none`; and the other way round.
    uint32_t before(uint32_t patched_piece) const { return correlation.to_original[patched_piece]; }
    uint32_t after(uint32_t original_piece) const { return correlation.to_patched[original_piece]; }
    // The author wants no change of this patched piece.
    bool is_left_out(uint32_t patched_piece) const { return macros.leave_out(patched, patched_piece); }
};

} // namespace klp::diff
