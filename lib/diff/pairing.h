// Pairs of pieces in the making: what the rules of correlate.h share.
#pragma once

#include "diff/correlate.h"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::diff {

class Pairing {
public:
    Pairing(const Unit& original, const Unit& patched);

    const Unit& original() const { return original_; }
    const Unit& patched() const { return patched_; }
    const Correlation& known() const { return known_; }

    void pair(uint32_t original, uint32_t patched);
    // They carry one name, but the original one was gone once the kernel had started.
    void revive(uint32_t original, uint32_t patched) { known_.revived.emplace(patched, original); }
    // Of the same kind, and both still there when the kernel runs.
    bool may_pair(uint32_t original, uint32_t patched) const;
    bool is_free_before(uint32_t original) const { return known_.to_patched[original] == none; }
    bool is_free_after(uint32_t patched) const { return known_.to_original[patched] == none; }
    bool is_free(const Unit& unit, uint32_t piece) const {
        return &unit == &original_ ? is_free_before(piece) : is_free_after(piece);
    }

    // Free pieces of one unit by what they are known by.
    struct Key {
        std::string name;
        std::string file; // empty for globals
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        size_t operator()(const Key& key) const {
            return std::hash<std::string>{}(key.name) * 31 + std::hash<std::string>{}(key.file);
        }
    };
    using Candidates = std::unordered_map<Key, std::vector<uint32_t>, KeyHash>;
    using KeyOf = std::function<Key(const Unit&, const Piece&)>;
    using Filter = std::function<bool(const Unit&, const Piece&)>;
    Candidates collect(const Unit& unit, const Filter& filter, const KeyOf& key) const;

private:
    const Unit& original_;
    const Unit& patched_;
    Correlation known_;
};

// The name in the source's terms: what ThinLTO made global for another unit is as local as before.
std::string_view own_name(const Unit& unit, const Piece& piece);
bool is_global(const Unit& unit, const Piece& piece);
// It has a name, and which of several of its kind it is matters.
bool is_kept(const Piece& piece);
bool is_static_local(const Unit& unit, const Piece& piece);
// Less the numbers that the compiler gives, and within its source if it is local.
Pairing::Key stem_key(const Unit& unit, const Piece& piece);
// Where a name is one name: in all sources, or in its own.
std::string name_scope(const Unit& unit, const Piece& piece);

} // namespace klp::diff
