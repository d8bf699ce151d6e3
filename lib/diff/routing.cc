#include "diff/routing.h"

#include <algorithm>

namespace klp::diff {

namespace {

uint64_t offset_of(const RoutedReference& it) {
    return it.relocation->offset;
}

} // namespace

std::span<const RoutedReference> Routing::of(uint32_t piece, uint64_t start, uint64_t end) const {
    const std::span<const RoutedReference> all = of(piece);
    const auto first = std::ranges::lower_bound(all, start, {}, offset_of);
    const auto last = std::ranges::lower_bound(first, all.end(), end, {}, offset_of);
    return {first, last};
}

std::span<const RoutedReference> Routing::of(const SpecialEntry& entry) const {
    const auto section = entries_.find(entry.section);
    if (section == entries_.end())
        return {};
    const auto found = section->second.find(entry.start);
    return found == section->second.end() ? std::span<const RoutedReference>() : at(found->second);
}

Routing::Range Routing::append(const std::vector<RoutedReference>& references) {
    const Range range{all_.size(), references.size()};
    all_.insert(all_.end(), references.begin(), references.end());
    return range;
}

void Routing::add(uint32_t piece, const std::vector<RoutedReference>& references) {
    order_.push_back(piece);
    pieces_[piece] = pieces_with_entries_[piece] = append(references);
}

void Routing::add(const SpecialEntry& entry, const std::vector<RoutedReference>& references) {
    entries_[entry.section][entry.start] = append(references);
    pieces_with_entries_[order_.back()].size += references.size();
}

} // namespace klp::diff
