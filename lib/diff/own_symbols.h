// The output's own symbols: of its sections, and of what comes along.
#pragma once

#include "diff/layout.h"
#include "diff/selection.h"
#include "elf/builder.h"

#include <vector>

namespace klp::diff {

struct OwnSymbols {
    std::vector<uint32_t> sections; // by section of the output
    std::vector<uint32_t> symbols;  // by symbol of the patched unit; 0: it does not come along
};

// Adds them to `output`, in the order of the patched unit. What the kernel has already becomes local: it must not take
// part in the link by name.
OwnSymbols add_own_symbols(const Pair& pair, const Selection& selection, const Layout& layout, elf::Builder& output);

// Adds the symbol of a section that came later.
uint32_t add_section_symbol(elf::Builder& output, uint32_t section);

} // namespace klp::diff
