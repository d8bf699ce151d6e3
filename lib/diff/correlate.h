// Which piece of the patched unit is which piece of the original one: by identity (name, source file, use, content),
// never by position alone.
#pragma once

#include "diff/unit.h"

#include <unordered_map>
#include <vector>

namespace klp::diff {

struct Correlation {
    std::vector<uint32_t> to_patched;  // by original piece: the patched one, or `none`
    std::vector<uint32_t> to_original; // by patched piece
    // Patched pieces that carry the name of one that was gone once the kernel had started (__init), and that one. They
    // are no pairs; but init code that refers to the one did not change because it now refers to the other.
    std::unordered_map<uint32_t, uint32_t> revived;
};

// Pairs functions and variables of the two units. A wrong pairing of two functions costs size, never correctness:
// callers are compared by pairs. A wrong pairing of variables would mix up state, so static locals are paired by who
// uses them, and what stays unpaired is for lost_state.h to judge.
Correlation correlate(const Unit& original, const Unit& patched);

} // namespace klp::diff
