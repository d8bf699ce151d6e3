// What differs between two sequences of declarations, and the names that therefore mean something else.
#pragma once

#include "source/preprocess.h"

#include <llvm/ADT/DenseSet.h>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace klp::source {

// Places in either sequence of what the other one does not have, or has elsewhere; `same` are places in the second one.
struct Differences {
    std::vector<size_t> before, after, same;
};

// By numbers for the contents. What is in both but in another order is different in all.
Differences compare(std::span<const uint64_t> before, std::span<const uint64_t> after);

// Names (spelling_of()) that mean something else after the patch. Nearly all words are none of them, which a bit tells.
class Names {
public:
    bool has(uint64_t name) const { return may_have_[name % bits] && names_.contains(name); }
    // Whether one of them is new.
    bool add(std::span<const uint64_t> more);
    const llvm::DenseSet<uint64_t>& all() const { return names_; }

private:
    static constexpr size_t bits = 1 << 16;
    std::bitset<bits> may_have_;
    llvm::DenseSet<uint64_t> names_;
};

// Whether the tokens speak of one of `names`. Members have names of their own, "->f" is no f; but for where a macro
// stands, of which `is_macro` tells.
bool speaks_of(std::span<const ReadToken> tokens, const Names& names, const std::function<bool(uint64_t)>& is_macro);

} // namespace klp::source
