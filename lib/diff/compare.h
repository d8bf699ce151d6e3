// What differs between the two units, once it is known which piece is which: by hashes of meaning. A reference counts
// by what it leads to (a string by its text, a constant by its bytes, a variable by its correlated pair), never by an
// offset in a section that the compiler happened to lay out.
#pragma once

#include "diff/correlate.h"
#include "diff/hash.h"
#include "diff/unit.h"

#include <vector>

namespace klp::diff {

// Hashes of the pieces of one unit. Two pieces of two units mean the same if their hashes are equal, provided both were
// made with names for the pairs that agree.
class MeaningHasher {
public:
    // `pair_names`: by piece, a number that is the same for both pieces of a pair, `none` for a piece without partner.
    // `side` keeps such pieces of the two units apart.
    MeaningHasher(const Unit& unit, std::vector<uint32_t> pair_names, uint32_t side);

    // Of the piece's own bytes and references.
    Hash content(uint32_t piece);
    // Of the entries of special sections that belong to it and say something that its code does not.
    Hash special(uint32_t piece);
    // Of what a reference made by `from` leads to.
    Hash target(const Reference& reference, uint32_t from);
    // Of a special section's entry alone.
    Hash entry(const SpecialEntry& entry, uint32_t owner);

private:
    Hash compute(uint32_t piece);
    Hash piece_target(const Reference& reference, uint32_t from);
    Hash fragment_target(const Reference& reference);
    void add_bytes(Hasher& hasher, const Piece& piece, uint64_t start, uint64_t end);
    void add_references(Hasher& hasher, uint32_t piece, uint64_t start, uint64_t end);

    const Unit& unit_;
    std::vector<uint32_t> pair_names_;
    uint32_t side_;
    std::vector<Hash> memo_;
    std::vector<uint8_t> state_; // 0: not hashed, 1: being hashed, 2: hashed
    unsigned depth_ = 0;
};

struct Comparison {
    // By patched piece. A function with its unlikely parts is one: all of them are changed or none.
    std::vector<bool> changed_functions;
    std::vector<bool> changed_data; // kept variables whose initial content differs
    // Changed functions that are replaced together with their callers, not by a hook of their own: see callers.h.
    std::vector<bool> through_callers;
    // Names of registries (see Role) whose nameless entries came, went or changed.
    std::vector<std::string> changed_registries;
};

// An entry of a registry that has no name to know it by, or one that is made of a counter.
bool is_nameless_entry(const Unit& unit, const Piece& piece);

// The names that MeaningHasher wants, for both units.
std::vector<uint32_t> pair_names_of_original(const Correlation& correlation);
std::vector<uint32_t> pair_names_of_patched(const Correlation& correlation);

Comparison compare(const Unit& original, const Unit& patched, const Correlation& correlation);

} // namespace klp::diff
