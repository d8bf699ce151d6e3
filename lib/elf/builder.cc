#include "elf/builder.h"

#include "elf/writer.h"
#include "files/files.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>

namespace klp::elf {

Builder Builder::like(const Object& model) {
    Builder builder;
    builder.name = model.name();
    builder.machine = model.machine();
    builder.flags = model.flags();
    builder.osabi = model.osabi();
    builder.little_endian = model.is_little_endian();
    builder.sections.resize(1);
    builder.symbols.resize(1);
    return builder;
}

namespace {

// Sections that the writer makes anew from the model.
bool is_bookkeeping(const Object& object, const Section& section) {
    if (section.index == 0 || section.type == SHT_SYMTAB || section.type == SHT_SYMTAB_SHNDX)
        return true;
    if (section.type == SHT_RELA)
        return true;
    const uint32_t table = object.symbol_table_section();
    bool symbol_names = table != 0 && object.section(table).link == section.index;
    return section.type == SHT_STRTAB && (symbol_names || section.name == ".shstrtab");
}

NewSection copy_section(const Section& section) {
    NewSection copy;
    copy.name = section.name;
    copy.type = section.type;
    copy.flags = section.flags;
    copy.alignment = section.alignment;
    copy.entry_size = section.entry_size;
    copy.data.assign(section.data.begin(), section.data.end());
    copy.nobits_size = section.type == SHT_NOBITS ? section.size : 0;
    return copy;
}

NewSymbol copy_symbol(const Symbol& symbol, const std::vector<uint32_t>& handle_of) {
    NewSymbol copy{symbol.is_section() ? std::string() : std::string(symbol.name),
                   symbol.value,
                   symbol.size,
                   symbol.binding,
                   symbol.type,
                   symbol.other,
                   symbol.place,
                   0};
    if (symbol.place == Place::section)
        copy.section = handle_of[symbol.section];
    return copy;
}

} // namespace

Builder Builder::copy_of(const Object& object) {
    Builder builder = like(object);
    std::vector<uint32_t> handle_of(object.sections().size(), 0);
    for (const Section& section : object.sections())
        if (!is_bookkeeping(object, section))
            handle_of[section.index] = builder.add_section(copy_section(section));
    for (const Section& section : object.sections())
        if (handle_of[section.index] != 0 && (section.flags & SHF_LINK_ORDER) && section.link < handle_of.size())
            builder.sections[handle_of[section.index]].linked = handle_of[section.link];
    for (const Symbol& symbol : object.symbols())
        if (symbol.index != 0)
            builder.add_symbol(copy_symbol(symbol, handle_of));
    for (const Group& group : object.groups()) {
        NewSection& section = builder.sections[handle_of[group.section]];
        section.group_symbol = group.signature;
        section.group_flags = group.flags;
        for (uint32_t member : group.members)
            if (handle_of[member] != 0)
                section.group_members.push_back(handle_of[member]);
    }
    auto add_table = [&](const RelocationTable& table) {
        const Section& section = object.section(table.section);
        builder.relocations.push_back(
            {std::string(section.name), handle_of[table.target], section.flags, table.entries});
    };
    for (const RelocationTable& table : object.relocation_tables())
        add_table(table);
    for (const RelocationTable& table : object.read_debug_relocation_tables())
        add_table(table);
    return builder;
}

uint32_t Builder::add_section(NewSection section) {
    sections.push_back(std::move(section));
    return static_cast<uint32_t>(sections.size() - 1);
}

uint32_t Builder::add_symbol(NewSymbol symbol) {
    symbols.push_back(std::move(symbol));
    return static_cast<uint32_t>(symbols.size() - 1);
}

NewRelocationTable& Builder::relocations_of(uint32_t section) {
    const std::string table_name = ".rela" + sections[section].name;
    for (NewRelocationTable& table : relocations)
        if (table.target == section && table.name == table_name)
            return table;
    relocations.push_back({table_name, section, 0, {}});
    return relocations.back();
}

void Builder::remove_sections(const std::vector<uint32_t>& handles) {
    constexpr uint32_t gone = UINT32_MAX;
    std::vector<uint32_t> section_map(sections.size(), 0);
    for (uint32_t handle : handles)
        section_map[handle] = gone;
    std::vector<NewSection> kept_sections;
    for (uint32_t handle = 0; handle < sections.size(); ++handle) {
        if (section_map[handle] == gone)
            continue;
        section_map[handle] = static_cast<uint32_t>(kept_sections.size());
        kept_sections.push_back(std::move(sections[handle]));
    }
    std::vector<uint32_t> symbol_map(symbols.size(), gone);
    std::vector<NewSymbol> kept_symbols;
    for (uint32_t handle = 0; handle < symbols.size(); ++handle) {
        NewSymbol& symbol = symbols[handle];
        if (symbol.place == Place::section && handle != 0) {
            if (section_map[symbol.section] == gone)
                continue;
            symbol.section = section_map[symbol.section];
        }
        symbol_map[handle] = static_cast<uint32_t>(kept_symbols.size());
        kept_symbols.push_back(std::move(symbol));
    }
    std::erase_if(relocations, [&](const NewRelocationTable& table) { return section_map[table.target] == gone; });
    for (NewRelocationTable& table : relocations) {
        table.target = section_map[table.target];
        for (Relocation& relocation : table.entries) {
            if (symbol_map[relocation.symbol] == gone)
                throw report::Refusal("elf.dangling", name,
                                      fmt::format("{} refers to a symbol of a section that is removed", table.name),
                                      "this is a defect of the tool; please report it with the input file");
            relocation.symbol = symbol_map[relocation.symbol];
        }
    }
    for (NewSection& section : kept_sections) {
        if (section.linked)
            section.linked = section_map[*section.linked] == gone ? 0 : section_map[*section.linked];
        if (section.group_symbol)
            section.group_symbol = symbol_map[*section.group_symbol] == gone ? 0 : symbol_map[*section.group_symbol];
        std::erase_if(section.group_members, [&](uint32_t member) { return section_map[member] == gone; });
        for (uint32_t& member : section.group_members)
            member = section_map[member];
    }
    sections = std::move(kept_sections);
    symbols = std::move(kept_symbols);
}

void Builder::remove_symbols(const std::vector<uint32_t>& handles) {
    constexpr uint32_t gone = UINT32_MAX;
    std::vector<uint32_t> new_handle(symbols.size(), 0);
    for (uint32_t handle : handles)
        new_handle[handle] = gone;
    uint32_t next = 0;
    for (uint32_t handle = 0; handle < symbols.size(); ++handle) {
        if (new_handle[handle] == gone)
            continue;
        if (next != handle)
            symbols[next] = std::move(symbols[handle]);
        new_handle[handle] = next++;
    }
    symbols.resize(next);
    auto renumber = [&](uint32_t& handle, const std::string& where) {
        if (new_handle[handle] == gone)
            throw report::Refusal("elf.dangling", name, fmt::format("{} refers to a symbol that is removed", where),
                                  "this is a defect of the tool; please report it with the input file");
        handle = new_handle[handle];
    };
    for (NewRelocationTable& table : relocations)
        for (Relocation& relocation : table.entries)
            renumber(relocation.symbol, table.name);
    for (NewSection& section : sections)
        if (section.group_symbol)
            renumber(*section.group_symbol, section.name);
}

std::vector<std::byte> Builder::bytes() const {
    return write_object(*this);
}

void Builder::write(const std::filesystem::path& path) const {
    files::write_synced(path, bytes());
}

} // namespace klp::elf
