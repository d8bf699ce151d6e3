// Hashes of meaning. A reference counts by what it leads to (a string by its text, a constant by its bytes, a variable
// by its correlated pair), never by an offset in a section that the compiler happened to lay out.
#pragma once

#include "diff/correlate.h"
#include "diff/hash.h"
#include "diff/unit.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace klp::diff {

// By piece, a number that is the same for both pieces of a pair, `none` for a piece without partner.
struct PairNames {
    std::vector<uint32_t> pairs;
    std::vector<uint32_t> for_init_code; // with those of Correlation::revived
};
PairNames pair_names_of_original(const Correlation& correlation);
PairNames pair_names_of_patched(const Correlation& correlation);

// Hashes of the pieces of one unit. Two pieces of two units mean the same if their hashes are equal, provided both were
// made with names for the pairs that agree.
class MeaningHasher {
public:
    // `names`: of the pairs, made for this unit. `side` keeps such pieces of the two units apart.
    MeaningHasher(const Unit& unit, PairNames names, uint32_t side);

    // Of the piece's own bytes and references.
    Hash content(uint32_t piece);
    // Of the entries of special sections that belong to it and say something that its code does not.
    Hash special(uint32_t piece);
    // Of what a reference made by `from` leads to.
    Hash target(const Reference& reference, uint32_t from);
    // Of the constant behind the code of its section that an instruction of `piece` loads by its distance; nothing for
    // any other instruction.
    std::optional<Hash> pool_constant(uint32_t piece, const arch::Instruction& load);
    // Of a special section's entry alone.
    Hash entry(const SpecialEntry& entry, uint32_t owner);

private:
    Hash compute(uint32_t piece);
    Hash piece_target(const Reference& reference, uint32_t from);
    Hash fragment_target(const Reference& reference);
    void add_entry_names(Hasher& hasher, uint32_t piece);
    void add_pool_loads(Hasher& hasher, uint32_t piece, std::vector<std::byte>& bytes);
    void add_bytes(Hasher& hasher, uint32_t index, uint64_t start, uint64_t end);
    void add_references(Hasher& hasher, uint32_t piece, uint64_t start, uint64_t end);

    const Unit& unit_;
    PairNames names_;
    uint32_t side_;
    std::vector<Hash> memo_;
    std::vector<uint8_t> state_; // 0: not hashed, 1: being hashed, 2: hashed
    unsigned depth_ = 0;
};

// Entries of special sections with that policy say something that the code does not.
bool is_compared(Policy policy);

} // namespace klp::diff
