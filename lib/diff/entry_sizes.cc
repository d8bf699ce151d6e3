#include "diff/entry_sizes.h"

#include "arch/structure_sizes.h"
#include "diff/diff.h"
#include "symbols/btf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <unordered_set>

namespace klp::diff {

namespace {

// Every entry has a relocation at its tie, and what is missing at the end is less than the padding of one. Those of a
// table with keys have all the same relocations: of entries of 16 bytes, halves of 8 do not.
bool may_have(const elf::Object& object, const elf::Section& section, const arch::SpecialSection& kind, uint64_t size) {
    const uint64_t rest = section.size % size;
    if (rest != 0 && (size - rest >= std::max<uint64_t>(section.alignment, 1) || size - rest >= size / 2))
        return false;
    std::unordered_set<uint64_t> offsets;
    for (const elf::Relocation& relocation : object.relocations(section.index))
        offsets.insert(relocation.offset);
    for (uint64_t start = 0; start < section.size; start += size)
        if (!offsets.contains(start + kind.tie))
            return false;
    if (kind.key_field.empty())
        return true;
    const auto in_first = std::ranges::count_if(offsets, [&](uint64_t offset) { return offset < size; });
    return offsets.size() == static_cast<size_t>(in_first) * (section.size / size) &&
           std::ranges::all_of(offsets, [&](uint64_t offset) { return offsets.contains(offset % size); });
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
    return section && section->size != 0 && !may_have(object, *section, kind, size);
}

void drop_contradicted(const elf::Object& object, CheckedSizes& checked) {
    for (const arch::SpecialSection& kind : arch::special_sections())
        for (auto [name, variable] : {std::pair(kind.name, kind.variable), {kind.parallel, kind.parallel_variable}}) {
            auto given = checked.sizes.given.find(std::string(name));
            if (variable.empty() || given == checked.sizes.given.end() || given->second == 0 ||
                !contradicts(object, kind, name, given->second))
                continue;
            checked.findings.push_back(
                {"diff.entry-size",
                 report::Severity::warning,
                 object.name(),
                 {},
                 fmt::format("{} says that entries of {} have {} bytes, which the section contradicts: its own layout "
                             "counts",
                             variable, name, given->second),
                 fmt::format("leave {} unset, or set it from the kernel that this object is of", variable)});
            checked.sizes.given.erase(given);
        }
}

} // namespace

CheckedSizes without_contradicted(const elf::Object& original, const elf::Object& patched,
                                  const arch::EntrySizes& sizes) {
    CheckedSizes checked{sizes, {}};
    drop_contradicted(original, checked);
    drop_contradicted(patched, checked);
    return checked;
}

std::map<std::string, unsigned> entry_sizes_from(const std::function<const char*(const char*)>& variable) {
    constexpr std::array names{std::pair{"ALT_STRUCT_SIZE", ".altinstructions"},
                               std::pair{"BUG_STRUCT_SIZE", "__bug_table"},
                               std::pair{"EX_STRUCT_SIZE", "__ex_table"},
                               std::pair{"JUMP_STRUCT_SIZE", "__jump_table"},
                               std::pair{"ORC_STRUCT_SIZE", ".orc_unwind"},
                               std::pair{"PARA_STRUCT_SIZE", ".parainstructions"},
                               std::pair{"STATIC_CALL_STRUCT_SIZE", ".static_call_sites"},
                               std::pair{"PRINTK_INDEX_STRUCT_SIZE", ".printk_index"}};
    std::map<std::string, unsigned> sizes;
    for (auto [name, section] : names) {
        const char* text = variable(name);
        if (!text || *text == '\0')
            continue;
        unsigned value = 0;
        const char* end = text + std::strlen(text);
        auto [rest, error] = std::from_chars(text, end, value);
        if (error != std::errc() || rest != end || value == 0 || value > 4096)
            throw report::Refusal("usage.entry-size", name, fmt::format("'{}' is not the size of a structure", text),
                                  "give a number of bytes, or leave the variable unset");
        sizes.emplace(section, value);
    }
    return sizes;
}

std::map<std::string, unsigned> entry_sizes_in(const elf::Object& vmlinux) {
    std::vector<std::pair<std::string_view, std::string_view>> wanted; // section, structure
    std::vector<std::string_view> structures;
    auto want = [&](std::string_view section, std::string_view structure) {
        if (structure.empty())
            return;
        wanted.emplace_back(section, structure);
        structures.push_back(structure);
    };
    for (const arch::SpecialSection& kind : arch::special_sections()) {
        want(kind.name, kind.structure);
        want(kind.parallel, kind.parallel_structure);
    }
    const std::optional<symbols::Btf> btf = symbols::Btf::read(vmlinux);
    const auto dwarf = btf ? std::map<std::string, uint32_t, std::less<>>()
                           : arch::structure_sizes(vmlinux, structures, arch::table_readers());
    std::map<std::string, unsigned> sizes;
    for (auto [section, structure] : wanted) {
        std::optional<uint32_t> size = btf ? btf->structure_size(structure) : std::nullopt;
        if (auto found = dwarf.find(structure); found != dwarf.end())
            size = found->second;
        if (size && *size != 0)
            sizes.emplace(section, *size);
    }
    return sizes;
}

} // namespace klp::diff
