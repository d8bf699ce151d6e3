// Where everything that comes along goes in the output.
#pragma once

#include "diff/diff.h"
#include "diff/kept_entries.h"
#include "elf/builder.h"

#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace klp::diff {

// A place in the output.
struct Spot {
    uint32_t section = 0;
    uint64_t offset = 0;
};

struct Layout {
    std::vector<Spot> pieces;  // by patched piece; of those that come along
    std::vector<Spot> entries; // by KeptEntries::entries
    // The output's section of a section of which only parts come along.
    std::unordered_map<uint32_t, uint32_t> shared;
    std::map<std::pair<uint32_t, uint64_t>, uint64_t> literals; // section, start -> offset in the output's section
    std::vector<Item> literal_items;                            // what they are, for people

    // Where the literal went that a reference means, and where in it the reference leads to.
    Spot of_literal(const Reference& reference) const;
};

// Adds the sections to `output`. What touched still touches there: the end of one may be meant where the next begins
// ("for (p = s; p != s + sizeof(s);)").
Layout lay_out(const Pair& pair, const Selection& selection, const KeptEntries& kept, elf::Builder& output);

} // namespace klp::diff
