#include "convert/core_table.h"

#include "elf/integer.h"
#include "elf/livepatch_abi.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <elf.h>
#include <map>
#include <optional>

namespace klp::convert {

namespace {

// Offsets in struct klp_core_reloc.
constexpr unsigned place_at = 0;
constexpr unsigned object_at = 8;
constexpr unsigned symbol_object_at = 16;
constexpr unsigned symbol_at = 24;
constexpr unsigned addend_at = 32;
constexpr unsigned sympos_at = 40;
constexpr unsigned type_at = 44;

// ---- Writing ----

class TableWriter {
public:
    TableWriter(elf::Builder& module, const arch::Machine& machine, size_t entries);
    void add(const CoreEntry& entry);

private:
    void name_table(uint64_t size);
    uint32_t section_symbol(uint32_t section);
    int64_t string(const std::string& text);
    void put(unsigned at, uint64_t value, unsigned width);
    void point(unsigned at, uint32_t section, int64_t offset);

    elf::Builder& module_;
    uint32_t absolute_;
    uint32_t table_;
    uint32_t strings_;
    uint64_t entry_ = 0; // offset of the one that is written
    std::map<std::string, int64_t> string_at_;
    std::map<uint32_t, uint32_t> symbol_of_section_;
};

TableWriter::TableWriter(elf::Builder& module, const arch::Machine& machine, size_t entries)
    : module_(module), absolute_(machine.absolute64()) {
    for (uint32_t handle = 1; handle < module_.symbols.size(); ++handle) {
        const elf::NewSymbol& symbol = module_.symbols[handle];
        if (symbol.type == STT_SECTION && symbol.place == elf::Place::section)
            symbol_of_section_.emplace(symbol.section, handle);
    }
    const size_t size = (entries + 1) * elf::core_reloc_size; // one of zeros at the end
    table_ = module_.add_section({.name = std::string(elf::core_relocs_section),
                                  .flags = SHF_ALLOC,
                                  .alignment = elf::core_reloc_alignment,
                                  .data = std::vector<std::byte>(size)});
    strings_ = module_.add_section({.name = std::string(elf::core_strings_section), .flags = SHF_ALLOC});
    name_table(size);
}

// The header of a module that calls klp_enable_patch() refers to the table by its name already.
void TableWriter::name_table(uint64_t size) {
    auto symbol = std::ranges::find(module_.symbols, elf::core_relocs_symbol, &elf::NewSymbol::name);
    if (symbol == module_.symbols.end()) {
        const uint32_t handle = module_.add_symbol({.name = std::string(elf::core_relocs_symbol)});
        symbol = module_.symbols.begin() + handle;
    }
    symbol->value = 0;
    symbol->size = size;
    symbol->binding = STB_GLOBAL;
    symbol->type = STT_OBJECT;
    symbol->place = elf::Place::section;
    symbol->section = table_;
}

uint32_t TableWriter::section_symbol(uint32_t section) {
    auto found = symbol_of_section_.find(section);
    if (found != symbol_of_section_.end())
        return found->second;
    uint32_t symbol = module_.add_symbol(
        {.binding = STB_LOCAL, .type = STT_SECTION, .place = elf::Place::section, .section = section});
    symbol_of_section_.emplace(section, symbol);
    return symbol;
}

int64_t TableWriter::string(const std::string& text) {
    std::vector<std::byte>& data = module_.sections[strings_].data;
    auto [found, is_new] = string_at_.try_emplace(text, static_cast<int64_t>(data.size()));
    if (is_new) {
        const auto* bytes = reinterpret_cast<const std::byte*>(text.c_str());
        data.insert(data.end(), bytes, bytes + text.size() + 1);
    }
    return found->second;
}

void TableWriter::put(unsigned at, uint64_t value, unsigned width) {
    elf::put_integer(std::span(module_.sections[table_].data).subspan(entry_ + at, width), value,
                     module_.little_endian);
}

void TableWriter::point(unsigned at, uint32_t section, int64_t offset) {
    const uint32_t symbol = section_symbol(section);
    module_.relocations_of(table_).entries.push_back({entry_ + at, absolute_, symbol, offset});
}

void TableWriter::add(const CoreEntry& entry) {
    point(place_at, entry.section, static_cast<int64_t>(entry.relocation.offset));
    point(object_at, strings_, string(entry.reference->owner));
    point(symbol_object_at, strings_, string(entry.reference->object));
    point(symbol_at, strings_, string(entry.reference->name));
    put(addend_at, static_cast<uint64_t>(entry.relocation.addend), 8);
    put(sympos_at, entry.reference->sympos, 4);
    put(type_at, entry.relocation.type, 4);
    entry_ += elf::core_reloc_size;
}

} // namespace

void add_core_table(elf::Builder& module, const arch::Machine& machine, std::span<const CoreEntry> entries) {
    TableWriter writer(module, machine, entries.size());
    for (const CoreEntry& entry : entries)
        writer.add(entry);
}

// ---- Reading ----

namespace {

class TableReader {
public:
    TableReader(const elf::Object& module, const elf::Section& section) : module_(module), section_(section) {}
    CoreTable run();

private:
    struct Pointer {
        const elf::Section* section = nullptr;
        uint64_t offset = 0;
    };
    std::optional<Pointer> pointer(uint64_t at) const;
    std::optional<std::string_view> string(uint64_t at) const;
    void read_entry(uint64_t at);
    void check_symbol();
    void check_end();

    const elf::Object& module_;
    const elf::Section& section_;
    CoreTable table_;
};

std::optional<TableReader::Pointer> TableReader::pointer(uint64_t at) const {
    std::span<const elf::Relocation> all = module_.relocations(section_.index);
    auto found = std::ranges::lower_bound(all, at, {}, &elf::Relocation::offset);
    if (found == all.end() || found->offset != at || found->type != arch::Machine::of(module_).absolute64())
        return std::nullopt;
    const elf::Symbol& symbol = module_.symbol(found->symbol);
    return Pointer{module_.section_of(symbol), symbol.value + static_cast<uint64_t>(found->addend)};
}

// Ended by a zero byte and not empty.
std::optional<std::string_view> TableReader::string(uint64_t at) const {
    std::optional<Pointer> place = pointer(at);
    if (!place || !place->section)
        return std::nullopt;
    std::string_view text = elf::Object::string_at(*place->section, place->offset);
    return text.empty() ? std::nullopt : std::optional(text);
}

void TableReader::read_entry(uint64_t at) {
    const uint64_t number = at / elf::core_reloc_size;
    std::optional<Pointer> place = pointer(at + place_at);
    std::optional<std::string_view> object = string(at + object_at);
    std::optional<std::string_view> symbol_object = string(at + symbol_object_at);
    std::optional<std::string_view> symbol = string(at + symbol_at);
    if (!place || !object || !symbol_object || !symbol) {
        table_.defects.push_back(fmt::format("entry {} lacks a place or a name", number));
        return;
    }
    auto integer = [&](unsigned field, unsigned width) {
        return module_.read_integer(section_.data, at + field, width);
    };
    table_.entries.push_back({place->section, place->offset, *object, *symbol_object, *symbol,
                              static_cast<int64_t>(integer(addend_at, 8)), static_cast<unsigned>(integer(sympos_at, 4)),
                              static_cast<uint32_t>(integer(type_at, 4))});
}

void TableReader::check_symbol() {
    auto is_beginning = [&](const elf::Symbol& symbol) {
        return symbol.name == elf::core_relocs_symbol && symbol.place == elf::Place::section &&
               symbol.section == section_.index && symbol.value == 0;
    };
    auto name = std::ranges::find_if(module_.symbols(), is_beginning);
    if (name == module_.symbols().end())
        table_.defects.push_back(fmt::format("no symbol {} stands at its beginning", elf::core_relocs_symbol));
    else if (name->is_local())
        table_.defects.push_back(fmt::format("the symbol {} is local: it goes when the module is stripped, and the "
                                             "core does not find the table",
                                             elf::core_relocs_symbol));
}

void TableReader::check_end() {
    const uint64_t last = section_.data.size() - elf::core_reloc_size;
    elf::Bytes bytes = section_.data.subspan(last);
    std::span<const elf::Relocation> all = module_.relocations(section_.index);
    const bool is_zero = std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
    if (!is_zero || (!all.empty() && all.back().offset >= last))
        table_.defects.emplace_back("it does not end with an entry of zeros");
}

CoreTable TableReader::run() {
    if (section_.data.empty() || section_.data.size() % elf::core_reloc_size != 0) {
        table_.defects.push_back(fmt::format("its size {} is no multiple of {}", section_.size, elf::core_reloc_size));
        return std::move(table_);
    }
    check_symbol();
    check_end();
    for (uint64_t at = 0; at + elf::core_reloc_size < section_.data.size(); at += elf::core_reloc_size)
        read_entry(at);
    return std::move(table_);
}

} // namespace

CoreTable read_core_table(const elf::Object& module) {
    const elf::Section* section = module.find_section(elf::core_relocs_section);
    return section && section->type != SHT_RELA ? TableReader(module, *section).run() : CoreTable{};
}

} // namespace klp::convert
