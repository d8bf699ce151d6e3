// The macros of a unit, and what can be said of a text that uses them without expanding it.
#pragma once

#include "source/changed_names.h"
#include "source/preprocess.h"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/DenseSet.h>
#include <llvm/ADT/SmallVector.h>
#include <optional>
#include <span>

#include <vector>

namespace klp::source {

using WordSet = llvm::DenseSet<uint64_t>;

// A number for a definition, or a removal, of a macro.
uint64_t content_of(const MacroDefinition& macro, const UnexpandedUnit& unit);

class MacroTable {
public:
    // Refers to the unit.
    explicit MacroTable(const UnexpandedUnit& unit);

    bool has(uint64_t word) const { return macros_.contains(word); }
    // Whether the braces and brackets that macros hide in these tokens belong to one another, so that the tokens begin
    // and end where they do with macros expanded: `BEGIN ... END` does, and `BEGIN` alone does not.
    bool hides_block_ends(uint64_t word) const { return depths_.contains(word); }
    bool hides_whole_blocks(std::span<const ReadToken> tokens) const;
    // Whether its expansion may put a name together (##), itself or by another macro.
    bool may_paste(uint64_t word) const { return pasting_.contains(word); }
    // Whether it stands for nothing but attributes, `static`, `extern` and `inline`.
    bool is_specifier(uint64_t word) const { return specifiers_.contains(word); }

    struct Specified {
        std::vector<ReadToken> tokens;
        std::vector<size_t> origins; // for each, the place of the token that it stands for or comes from
    };
    // The tokens with specifiers in place of the macros that stand for them; arguments of these stay, as an attribute.
    //   `static __always_inline __printf(1, 2) int f(void)`
    // becomes `static inline __attribute__((...)) __attribute__((...)) __attribute__(1, 2) int f(void)`.
    Specified with_specifiers(std::span<const ReadToken> tokens) const;

    // For each macro the words of `pieces` that its expansion can have, by other macros as well.
    llvm::DenseMap<uint64_t, std::vector<uint64_t>> words_by_macro(const WordSet& pieces) const;

    // Names of macros that speak of one of `names` (speaks_of()).
    std::vector<uint64_t> speaking_of(const Names& names) const;

private:
    // How far braces and brackets are open after the macro, and at least in it.
    struct Depth {
        int braces = 0, lowest_braces = 0, brackets = 0, lowest_brackets = 0;
        void add(const Depth& next);
        bool operator==(const Depth&) const = default;
    };
    using Definitions = llvm::SmallVector<const MacroDefinition*, 1>;

    bool is_specifier_body(const MacroDefinition& macro, WordSet& open) const;
    bool find_specifier(uint64_t word, WordSet& open) const;
    void append_specifier(uint64_t word, WordSet& open, std::vector<ReadToken>& result) const;
    WordSet users_of(WordSet words) const;
    void find_depths();
    std::optional<Depth> depth_of(const Definitions& definitions, uint64_t name) const;
    std::optional<Depth> depth_of(std::span<const ReadToken> tokens, uint64_t name) const;

    const UnexpandedUnit& unit_;
    llvm::DenseMap<uint64_t, Definitions> macros_;
    llvm::DenseMap<uint64_t, std::vector<uint64_t>> users_; // of a macro: macros that speak of it
    llvm::DenseMap<uint64_t, std::optional<Depth>> depths_; // of macros that hide some; nothing where they differ
    WordSet pasting_, specifiers_;
};

} // namespace klp::source
