#include "convert/tracked_calls.h"

#include <algorithm>
#include <cstddef>

namespace klp::convert {

void untrack_calls(elf::Builder& builder, const std::set<std::pair<uint32_t, uint64_t>>& late) {
    constexpr uint64_t entry_size = 4; // s32, the distance to the call
    constexpr uint64_t field_at = 1;   // e8 rel32
    const auto section = std::ranges::find(builder.sections, ".call_sites", &elf::NewSection::name);
    if (section == builder.sections.end())
        return;
    const auto handle = static_cast<uint32_t>(section - builder.sections.begin());
    const auto table = std::ranges::find(builder.relocations, handle, &elf::NewRelocationTable::target);
    if (table == builder.relocations.end())
        return;
    auto is_late = [&](const elf::Relocation& relocation) {
        const elf::NewSymbol& symbol = builder.symbols[relocation.symbol];
        const uint64_t call = symbol.value + static_cast<uint64_t>(relocation.addend);
        return symbol.place == elf::Place::section && late.contains({symbol.section, call + field_at});
    };
    if (std::erase_if(table->entries, is_late) == 0)
        return;
    // What is in an entry is its relocation's alone: the others move up.
    std::ranges::sort(table->entries, {}, &elf::Relocation::offset);
    uint64_t at = 0;
    for (elf::Relocation& relocation : table->entries) {
        relocation.offset = at;
        at += entry_size;
    }
    section->data.resize(at);
}

} // namespace klp::convert
