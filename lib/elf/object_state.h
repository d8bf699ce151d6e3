// Private to this room: what an Object holds, and the steps in which it is read.
#pragma once

#include "elf/object.h"
#include "files/mapping.h"

#include <gelf.h>
#include <libelf.h>
#include <unordered_map>

namespace klp::elf {

struct Object::State {
    State(std::string object_name, files::Mapping file_image)
        : name(std::move(object_name)), image(std::move(file_image)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (elf)
            elf_end(elf);
    }

    void read();
    void read_header();
    void read_sections();
    void read_symbols();
    void read_relocations();
    void read_groups();
    Section read_section_header(Elf_Scn* scn, uint32_t index, uint32_t names);
    Symbol read_symbol(Elf_Data* data, Elf_Data* extended, uint32_t index, uint32_t names) const;
    RelocationTable read_relocation_table(const Section& section) const;
    bool is_debug_table(const Section& section) const;
    Elf_Data* translated(uint32_t section) const;
    [[noreturn]] void corrupt(std::string message) const;

    std::string name;
    files::Mapping image;
    Elf* elf = nullptr;
    GElf_Ehdr header = {};
    std::vector<Section> sections;
    std::vector<Symbol> symbols;
    std::vector<Group> groups;
    std::vector<RelocationTable> tables;
    std::vector<int32_t> table_of; // section index -> index of its normal relocation table, -1: none
    uint32_t symbol_table = 0;
    std::unordered_map<std::string_view, uint32_t> section_by_name;
};

} // namespace klp::elf
