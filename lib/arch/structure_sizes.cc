#include "arch/structure_sizes.h"

#include <algorithm>
#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/Object/ObjectFile.h>

namespace klp::arch {

std::map<std::string, uint32_t, std::less<>> structure_sizes(const elf::Object& image,
                                                             std::span<const std::string_view> names,
                                                             std::span<const std::string_view> sources) {
    std::map<std::string, uint32_t, std::less<>> sizes;
    if (!image.find_section(".debug_info"))
        return sizes;
    auto file = llvm::object::ObjectFile::createObjectFile(image.name());
    if (!file) {
        llvm::consumeError(file.takeError());
        return sizes;
    }
    auto ignore = [](llvm::Error error) { llvm::consumeError(std::move(error)); };
    std::unique_ptr<llvm::DWARFContext> dwarf = llvm::DWARFContext::create(
        *file->getBinary(), llvm::DWARFContext::ProcessDebugRelocations::Process, nullptr, "", ignore, ignore);
    for (const std::unique_ptr<llvm::DWARFUnit>& unit : dwarf->compile_units()) {
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
    std::erase_if(sizes, [](const auto& entry) { return entry.second == 0; });
    return sizes;
}

} // namespace klp::arch
