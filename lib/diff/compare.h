// What differs between the two units, once it is known which piece is which: by hashes of meaning.
#pragma once

#include "diff/correlate.h"
#include "diff/unit.h"

#include <string>
#include <vector>

namespace klp::diff {

// A difference that is none for who runs the code.
struct Harmless {
    uint32_t piece = none; // of the patched unit
    std::string what;      // "a line number in __bug_table"
    auto operator<=>(const Harmless&) const = default;
};

// What differs, by patched piece.
struct Comparison {
    std::vector<bool> changed_functions; // a function with its unlikely parts is one: all of them are changed or none
    std::vector<bool> changed_data;      // kept variables whose initial content differs
    std::vector<Harmless> harmless;      // of functions that differ in nothing but what does no harm
    std::vector<std::string> changed_registries; // (see Role) whose nameless entries came, went or changed
};

// An entry of a registry that has no name to know it by, or one that is made of a counter.
bool is_nameless_entry(const Unit& unit, const Piece& piece);

Comparison compare(const Unit& original, const Unit& patched, const Correlation& correlation);

} // namespace klp::diff
