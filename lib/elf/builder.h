// An ELF relocatable object in the making: what the differ emits and what klp-convert rewrites. A plain value, changed
// freely and checked once, when it is written.
#pragma once

#include "elf/object.h"

#include <optional>

namespace klp::elf {

struct NewSection {
    std::string name = {};
    uint32_t type = 1; // SHT_PROGBITS
    uint64_t flags = 0;
    uint64_t alignment = 1;
    uint64_t entry_size = 0;
    std::vector<std::byte> data = {};
    uint64_t nobits_size = 0;                  // of SHT_NOBITS
    std::optional<uint32_t> linked = {};       // SHF_LINK_ORDER: handle of the section in sh_link
    std::optional<uint32_t> group_symbol = {}; // SHT_GROUP: handle of its signature symbol
    uint32_t group_flags = 0;                  // SHT_GROUP
    std::vector<uint32_t> group_members =
        {}; // SHT_GROUP: section handles; their relocation sections join by themselves
};

struct NewSymbol {
    std::string name = {}; // empty for a section symbol
    uint64_t value = 0;
    uint64_t size = 0;
    uint8_t binding = 0; // STB_*
    uint8_t type = 0;    // STT_*
    uint8_t other = 0;
    Place place = Place::undefined;
    uint32_t section = 0; // handle
};

struct NewRelocationTable {
    std::string name;                // ".rela" + target's name, or ".klp.rela.OBJ.SECTION"
    uint32_t target = 0;             // section handle
    uint64_t flags = 0;              // SHF_ALLOC | SHF_RELA_LIVEPATCH for livepatch relocations; SHF_INFO_LINK is added
    std::vector<Relocation> entries; // `symbol` is a symbol handle
};

// Handles are positions in the vectors below; position 0 of sections and symbols is the null entry and always there.
class Builder {
public:
    // An empty object for the machine, byte order, flags and OS ABI of `model`.
    static Builder like(const Object& model);
    // A copy of `object` in which every section but the symbol table, its strings and the relocation sections is in
    // `sections` (in file order), every symbol in `symbols` (in file order) and every relocation section in
    // `relocations`. Debug data comes along without its relocations only if those were not read; see
    // Object::relocation_tables.
    static Builder copy_of(const Object& object);

    uint32_t add_section(NewSection section);
    uint32_t add_symbol(NewSymbol symbol);
    // The normal relocation table (".rela" + name) of a section, made at the first call.
    NewRelocationTable& relocations_of(uint32_t section);

    // The finished file's bytes. Local symbols come before global ones, each group in the order of `symbols`
    // (gabi, "Symbol Table": sh_info). Entries removed by clearing `name` do not exist: use remove_* below.
    // Throws report::Refusal "elf.too-many-sections" beyond 65,279 sections.
    std::vector<std::byte> bytes() const;
    // Writes bytes() to `path` as files::write_synced().
    void write(const std::filesystem::path& path) const;

    // Drops sections (by handle) with their symbols and relocation tables; every handle in the object is renumbered.
    // Refuses ("elf.dangling") when a kept relocation names a symbol that goes.
    void remove_sections(const std::vector<uint32_t>& handles);
    // Drops symbols (by handle); the others keep their order and are renumbered everywhere. Refuses ("elf.dangling")
    // when a relocation or a group still names one.
    void remove_symbols(const std::vector<uint32_t>& handles);

    uint16_t machine = 0;
    uint32_t flags = 0;
    uint8_t osabi = 0;
    bool little_endian = true;
    std::string name; // for messages
    std::vector<NewSection> sections;
    std::vector<NewSymbol> symbols;
    std::vector<NewRelocationTable> relocations;
};

} // namespace klp::elf
