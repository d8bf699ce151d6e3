#include "arch/structure_sizes.h"

#include "arch/dwarf_file.h"
#include "arch/dwarf_guard.h"

#include <algorithm>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>

namespace klp::arch {

namespace {

using Sizes = std::map<std::string, uint32_t, std::less<>>;

// 0 for a name of which there are several sizes.
void read_sizes(const elf::Object& image, std::span<const std::string_view> names,
                std::span<const std::string_view> sources, Sizes& sizes) {
    const DwarfFile file = open_dwarf(image);
    if (!file.dwarf)
        return;
    for (const std::unique_ptr<llvm::DWARFUnit>& unit : file.dwarf->compile_units()) {
        const char* source = llvm::dwarf::toString(unit->getUnitDIE(true).find(llvm::dwarf::DW_AT_name), "");
        auto is_source = [&](std::string_view end) { return std::string_view(source).ends_with(end); };
        if (std::ranges::none_of(sources, is_source))
            continue;
        for (llvm::DWARFDie die : unit->getUnitDIE(false).children()) {
            const char* name = die.getTag() == llvm::dwarf::DW_TAG_structure_type ? die.getShortName() : nullptr;
            std::optional<uint64_t> size = llvm::dwarf::toUnsigned(die.find(llvm::dwarf::DW_AT_byte_size));
            if (!name || !size || std::ranges::find(names, std::string_view(name)) == names.end())
                continue;
            auto [at, is_new] = sizes.try_emplace(name, static_cast<uint32_t>(*size));
            if (!is_new && at->second != *size)
                at->second = 0;
        }
        unit->clear();
    }
}

} // namespace

std::map<std::string, uint32_t, std::less<>> structure_sizes(const elf::Object& image,
                                                             std::span<const std::string_view> names,
                                                             std::span<const std::string_view> sources) {
    std::map<std::string, uint32_t, std::less<>> sizes;
    read_debug_data(image.name(), [&] { read_sizes(image, names, sources, sizes); });
    std::erase_if(sizes, [](const auto& entry) { return entry.second == 0; });
    return sizes;
}

} // namespace klp::arch
