// Small kernel modules made by hand, for the tests of convert and verify.
#pragma once

#include "elf/builder.h"
#include "elf/object.h"

#include <elf.h>
#include <string>
#include <string_view>
#include <vector>

namespace klp::test {

inline std::vector<std::byte> bytes_of(std::string_view text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

// "a=b\0c=d\0"
inline std::vector<std::byte> modinfo_of(const std::vector<std::string>& fields) {
    std::string text;
    for (const std::string& field : fields)
        text += field + '\0';
    return bytes_of(text);
}

// An x86-64 module under construction, with the sections that every livepatch has.
struct ModuleMaker {
    elf::Builder builder;
    uint32_t modinfo = 0;
    uint32_t text = 0;

    explicit ModuleMaker(const std::vector<std::string>& fields = {"livepatch=Y", "license=GPL", "name=livepatch_x"}) {
        builder.machine = EM_X86_64;
        builder.name = "livepatch-x.ko";
        builder.sections.resize(1);
        builder.symbols.resize(1);
        modinfo = section(".modinfo", SHF_ALLOC, modinfo_of(fields));
        text = section(".text.f", SHF_ALLOC | SHF_EXECINSTR, std::vector<std::byte>(64));
        define("f", text, STT_FUNC);
    }
    uint32_t section(std::string name, uint64_t flags, std::vector<std::byte> data) {
        return builder.add_section({.name = std::move(name), .flags = flags, .alignment = 8, .data = std::move(data)});
    }
    uint32_t define(std::string name, uint32_t in, uint8_t type, uint64_t value = 0) {
        return builder.add_symbol({.name = std::move(name),
                                   .value = value,
                                   .size = 8,
                                   .binding = STB_GLOBAL,
                                   .type = type,
                                   .place = elf::Place::section,
                                   .section = in});
    }
    uint32_t undefined(std::string name, uint8_t binding = STB_WEAK) {
        return builder.add_symbol({.name = std::move(name), .binding = binding});
    }
    void relocate(uint32_t in, uint64_t offset, uint32_t symbol, uint32_t type = R_X86_64_PLT32, int64_t addend = -4) {
        builder.relocations_of(in).entries.push_back({offset, type, symbol, addend});
    }
    elf::Object object() const { return elf::Object::from_bytes("livepatch-x.ko", builder.bytes()); }
};

// The relocation table of that section name, or nullptr.
inline const elf::RelocationTable* find_table(const elf::Object& object, std::string_view name) {
    for (const elf::RelocationTable& table : object.relocation_tables())
        if (object.section(table.section).name == name)
            return &table;
    return nullptr;
}

} // namespace klp::test
