// What the author of a patch says in its source: functions and sections to leave out, functions to take in any case,
// callbacks. Both ecosystems' macros leave pointers in sections of their own.
#pragma once

#include "diff/unit.h"
#include "elf/livepatch_abi.h"

#include <string>
#include <unordered_set>
#include <vector>

namespace klp::diff {

struct Callback {
    elf::CallbackKind kind = elf::CallbackKind::pre_patch;
    uint32_t function = none; // a piece
    std::string object;       // whose patching it is called for; empty: the unit's owner
};

struct Macros {
    std::unordered_set<uint32_t> ignored_functions; // pieces
    std::unordered_set<std::string> ignored_sections;
    std::unordered_set<uint32_t> forced_functions;
    std::vector<Callback> callbacks; // in the order of the sections

    // The author wants no change of this piece, by its name or by its section's.
    bool leave_out(const Unit& unit, uint32_t piece) const;
};

// Throws report::Refusal "diff.macro" for a macro section that does not hold what it should.
Macros read_macros(const Unit& unit);

} // namespace klp::diff
