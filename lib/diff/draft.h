// The output in the making: what the rooms of the emission share.
#pragma once

#include "diff/kept_entries.h"
#include "diff/layout.h"
#include "diff/own_symbols.h"
#include "diff/select.h"
#include "elf/builder.h"

#include <string>
#include <vector>

namespace klp::diff {

struct Draft {
    // Everything is laid out and named; nothing refers to anything yet.
    Draft(const Pair& pair, const Selected& selected, const KernelSymbols& kernel);

    // An error about a piece, unless that is moot (Selected).
    void refuse(report::Finding finding, uint32_t piece);

    const Pair& pair;
    const Selection& selection;
    const std::vector<bool>& moot;
    const KernelSymbols& kernel;
    elf::Builder output;
    KeptEntries kept;
    Layout layout;
    OwnSymbols own;
    std::vector<report::Finding> findings;
};

} // namespace klp::diff
