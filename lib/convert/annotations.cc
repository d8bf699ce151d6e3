#include "convert/annotations.h"

#include "elf/livepatch_abi.h"
#include "report/finding.h"

#include <elf.h>
#include <fmt/format.h>

namespace klp::convert {

namespace {

constexpr uint64_t sympos_at = 8;
constexpr uint64_t object_at = 16;

[[noreturn]] void refuse(const elf::Object& module, const elf::Section& section, std::string_view why) {
    throw report::Refusal("convert.bad-annotation", module.name(), fmt::format("{}: {}", section.name, why),
                          "use the macros of klp_relocs.h and nothing else for these sections");
}

LivepatchReference read_entry(const elf::Object& module, const elf::Section& section,
                              const elf::Relocation& relocation) {
    const elf::Symbol& symbol = module.symbol(relocation.symbol);
    uint64_t entry = relocation.offset;
    if (entry % elf::annotation_size != 0 || section.size - entry < elf::annotation_size)
        refuse(module, section, "a relocation is not at the start of an entry");
    if (!symbol.is_undefined() || symbol.name.empty())
        refuse(module, section, fmt::format("the symbol {} is defined in the module itself", symbol.name));
    std::string_view owner = section.name.substr(elf::annotation_prefix.size());
    std::string_view object = elf::Object::string_at(section, entry + object_at);
    if (section.data[entry + elf::annotation_size - 1] != std::byte{0})
        refuse(module, section, "the name of an object has no end");
    uint64_t sympos = module.read_integer(section.data, entry + sympos_at, 8);
    if (sympos > UINT32_MAX)
        refuse(module, section, fmt::format("the position of {} is out of range", symbol.name));
    return {symbol.index, std::string(owner), std::string(object.empty() ? owner : object), std::string(symbol.name),
            static_cast<unsigned>(sympos)};
}

} // namespace

std::vector<LivepatchReference> read_annotations(const elf::Object& module) {
    std::vector<LivepatchReference> references;
    for (const elf::Section& section : module.sections()) {
        if (!section.name.starts_with(elf::annotation_prefix) || section.type == SHT_RELA)
            continue;
        if (section.data.size() % elf::annotation_size != 0)
            refuse(module, section, "its size is no multiple of an entry's");
        std::span<const elf::Relocation> relocations = module.relocations(section.index);
        if (relocations.size() != section.data.size() / elf::annotation_size)
            refuse(module, section, "an entry names no symbol");
        for (const elf::Relocation& relocation : relocations)
            references.push_back(read_entry(module, section, relocation));
    }
    return references;
}

} // namespace klp::convert
