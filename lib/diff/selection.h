// The smallest set of pieces that makes the changed functions work, and where each of their references leads.
#pragma once

#include "diff/changes.h"
#include "diff/kernel_symbols.h"
#include "diff/pair.h"
#include "diff/routing.h"

#include <vector>

namespace klp::diff {

struct Selection {
    std::vector<bool> included;      // by patched piece
    std::vector<uint32_t> pulled_by; // by patched piece: the piece that needs it, `none` for a seed
    std::vector<uint32_t> changed;   // functions to be redirected, by patched piece, without their unlikely parts
    Routing routing;
};

// What comes along for its own sake (changed functions, what the author forces, callbacks, and new globals, which other
// units of the patch may need) and all that it needs. Linear in what comes along.
Selection follow(const Pair& pair, const Changes& changes, const KernelSymbols& kernel);

} // namespace klp::diff
