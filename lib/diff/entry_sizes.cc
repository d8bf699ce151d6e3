#include "diff/entry_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace klp::diff {

namespace {

// Every entry has a relocation at its tie, and what is missing at the end is less than the padding of one.
bool may_have(const elf::Object& object, const elf::Section& section, unsigned tie, uint64_t size) {
    const uint64_t rest = section.size % size;
    if (rest != 0 && (size - rest >= std::max<uint64_t>(section.alignment, 1) || size - rest >= size / 2))
        return false;
    std::unordered_set<uint64_t> offsets;
    for (const elf::Relocation& relocation : object.relocations(section.index))
        offsets.insert(relocation.offset);
    for (uint64_t start = 0; start < section.size; start += size)
        if (!offsets.contains(start + tie))
            return false;
    return true;
}

// What the section says against entries of `size` bytes.
bool contradicts(const elf::Object& object, const arch::SpecialSection& kind, std::string_view name, uint64_t size) {
    if (kind.parallel == name) {
        const elf::Section* main = object.find_section(kind.name);
        const elf::Section* parallel = object.find_section(kind.parallel);
        if (!main || !parallel || kind.sizes.empty())
            return false;
        return main->size / kind.sizes.front() * size != parallel->size;
    }
    const elf::Section* section = object.find_section(kind.name);
    return section && section->size != 0 && !may_have(object, *section, kind.tie, size);
}

} // namespace

arch::EntrySizes without_contradicted(const elf::Object& object, arch::EntrySizes sizes,
                                      std::vector<report::Finding>& findings) {
    for (const arch::SpecialSection& kind : arch::special_sections())
        for (auto [name, variable] : {std::pair(kind.name, kind.variable), {kind.parallel, kind.parallel_variable}}) {
            auto given = sizes.given.find(std::string(name));
            if (name.empty() || given == sizes.given.end() || given->second == 0 ||
                !contradicts(object, kind, name, given->second))
                continue;
            findings.push_back(
                {"diff.entry-size",
                 report::Severity::warning,
                 object.name(),
                 {},
                 fmt::format("{} says that entries of {} have {} bytes, which the section contradicts: its own layout "
                             "counts",
                             variable, name, given->second),
                 fmt::format("leave {} unset, or set it from the kernel that this object is of", variable)});
            sizes.given.erase(given);
        }
    return sizes;
}

} // namespace klp::diff
