// Where each reference of what comes along leads.
#pragma once

#include "diff/unit.h"
#include "symbols/resolver.h"

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace klp::diff {

enum class Route : uint8_t {
    nothing,
    inside,   // to a piece that is taken along
    literal,  // to a string or constant that is copied
    entry,    // to an entry of a special section that is copied
    original, // to what the running kernel has of this unit
    external  // to a symbol that the unit does not define
};

// A relocation, what it means in the patched unit, and where it leads from the output.
struct RoutedReference {
    const elf::Relocation* relocation = nullptr; // the unit's
    Reference reference;
    Route route = Route::nothing;
    uint32_t original_symbol = 0; // of Route::original: the original unit's symbol that stands for the same place
    // What the kernel has for it: of Route::original, and of Route::external unless the link of the module makes the
    // symbol or another unit of the patch brings it.
    const symbols::Resolution* found = nullptr;
    Route rival_route = Route::nothing; // where Reference::rival would lead
};

// A value: it grows while the selection follows references and is read from then on. It refers to the units and to the
// answers of KernelSymbols, which outlive it.
class Routing {
public:
    explicit Routing(size_t piece_count) : pieces_(piece_count), pieces_with_entries_(piece_count) {}

    // The pieces whose references are known, in the order in which they were followed.
    std::span<const uint32_t> order() const { return order_; }
    // Of a piece, by offset: one for each of its relocations. Empty for what does not come along.
    std::span<const RoutedReference> of(uint32_t piece) const { return at(pieces_[piece]); }
    // Those at [start, end) of the piece's section.
    std::span<const RoutedReference> of(uint32_t piece, uint64_t start, uint64_t end) const;
    // Of an entry that belongs to such a piece.
    std::span<const RoutedReference> of(const SpecialEntry& entry) const;
    // Of a piece, and of the entries that belong to it.
    std::span<const RoutedReference> with_entries(uint32_t piece) const { return at(pieces_with_entries_[piece]); }

    // A piece comes before its entries, and they before the next piece.
    void add(uint32_t piece, const std::vector<RoutedReference>& references);
    void add(const SpecialEntry& entry, const std::vector<RoutedReference>& references);

private:
    struct Range {
        size_t begin = 0;
        size_t size = 0;
    };
    std::span<const RoutedReference> at(Range range) const { return std::span(all_).subspan(range.begin, range.size); }
    Range append(const std::vector<RoutedReference>& references);

    std::vector<RoutedReference> all_;
    std::vector<Range> pieces_;
    std::vector<Range> pieces_with_entries_;
    std::unordered_map<uint32_t, std::unordered_map<uint64_t, Range>> entries_; // section -> start
    std::vector<uint32_t> order_;
};

} // namespace klp::diff
