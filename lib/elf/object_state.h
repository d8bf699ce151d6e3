// Private to this room: what an Object holds, and the steps in which it is read.
#pragma once

#include "elf/object.h"
#include "files/mapping.h"

#include <functional>
#include <gelf.h>
#include <libelf.h>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace klp::elf {

struct Object::State {
    State(std::string object_name, files::Mapping file_image)
        : name(std::move(object_name)), owner(std::make_shared<files::Mapping>(std::move(file_image))), image(*owner) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (elf)
            elf_end(elf);
    }

    void read();
    void read_header();
    void read_sections();
    void read_symbol_table();
    // Those of a linked image when they are first asked for: they are many, and most of who reads one looks at each
    // once.
    const std::vector<Symbol>& all_symbols() const;
    void visit_symbols(const std::function<void(const Symbol&)>& visit) const;
    void read_relocations();
    void read_groups();
    Section read_section_header(Elf_Scn* scn, uint32_t index, uint32_t names);
    Symbol read_symbol(uint32_t index) const;
    RelocationTable read_relocation_table(const Section& section) const;
    bool is_debug_table(const Section& section) const;
    Elf_Data* translated(uint32_t section) const;
    [[noreturn]] void corrupt(std::string message) const;

    std::string name;
    std::shared_ptr<files::Mapping> owner;
    files::Mapping& image;
    Elf* elf = nullptr;
    GElf_Ehdr header = {};
    std::vector<Section> sections;
    mutable std::vector<Symbol> symbols;
    mutable std::once_flag has_symbols;
    uint32_t symbol_count = 0;
    Elf_Data* symbol_data = nullptr;
    Elf_Data* symbol_sections = nullptr; // SHT_SYMTAB_SHNDX
    std::vector<Group> groups;
    std::vector<RelocationTable> tables;
    std::vector<int32_t> table_of; // section index -> index of its normal relocation table, -1: none
    uint32_t symbol_table = 0;
    std::unordered_map<std::string_view, uint32_t> section_by_name;
};

} // namespace klp::elf
