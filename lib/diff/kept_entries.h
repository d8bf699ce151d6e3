// Which entries of special sections come along with the code that they speak of.
#pragma once

#include "diff/select.h"

#include <vector>

namespace klp::diff {

struct KeptEntry {
    SpecialEntry entry;
    uint32_t owner = none; // the piece that it belongs to
};

struct KeptEntries {
    std::vector<KeptEntry> entries;   // to copy, by section and place
    std::vector<KeptEntry> constants; // of Policy::constant: see runtime_constants.h
    std::vector<report::Finding> findings;
};

// All entries of what comes along but those of which the kernel could not use a copy: the key of a jump label or static
// call that is a module's. An error "diff.module-key", or a warning "diff.key-dropped" where the code works without.
KeptEntries choose_entries(const Pair& pair, const Selected& selected);

} // namespace klp::diff
