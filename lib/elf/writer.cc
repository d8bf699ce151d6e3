#include "elf/writer.h"

#include "elf/integer.h"
#include "elf/livepatch_abi.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <functional>

namespace klp::elf {

namespace {

// Integers into bytes in the target's order.
class Encoder {
public:
    explicit Encoder(bool little_endian) : little_endian_(little_endian) {}

    void put(uint64_t value, unsigned width) {
        bytes_.resize(bytes_.size() + width);
        put_integer(std::span(bytes_).last(width), value, little_endian_);
    }
    void put(Bytes data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }
    void align(uint64_t alignment) {
        while (bytes_.size() % alignment != 0)
            bytes_.push_back(std::byte{0});
    }
    size_t size() const { return bytes_.size(); }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    bool little_endian_;
    std::vector<std::byte> bytes_;
};

class StringTable {
public:
    StringTable() : bytes_(1, std::byte{0}) {}

    uint32_t add(std::string_view text) {
        if (text.empty())
            return 0;
        uint32_t at = static_cast<uint32_t>(bytes_.size());
        const auto* data = reinterpret_cast<const std::byte*>(text.data());
        bytes_.insert(bytes_.end(), data, data + text.size());
        bytes_.push_back(std::byte{0});
        return at;
    }
    Bytes bytes() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

// One pass over the model that lays the file out: header, section contents, section header table.
class Writer {
public:
    explicit Writer(const Builder& builder)
        : builder_(builder), out_(builder.little_endian), headers_(builder.little_endian) {}
    std::vector<std::byte> run();

private:
    void number_sections();
    void order_symbols();
    void write_sections();
    void write_relocations();
    void write_symbols();
    void write_header(uint64_t table_offset);
    void put_content(std::string_view name, uint32_t type, uint64_t flags, Bytes data, uint64_t nobits, uint32_t link,
                     uint32_t info, uint64_t alignment, uint64_t entry_size);
    std::vector<std::byte> group_content(const NewSection& section);
    uint16_t section_number(const NewSymbol& symbol) const;

    const Builder& builder_;
    Encoder out_;
    Encoder headers_;
    StringTable section_names_;
    std::vector<uint32_t> symbol_order_;  // position in the file -> handle
    std::vector<uint32_t> symbol_number_; // handle -> position in the file
    uint32_t first_global_ = 0;
    uint32_t first_relocation_section_ = 0;
    uint32_t symbol_table_ = 0;
    uint32_t section_count_ = 0;
};

std::vector<std::byte> Writer::run() {
    number_sections();
    order_symbols();
    for (size_t at = 0; at < sizeof(Elf64_Ehdr); ++at)
        out_.put(0, 1);
    headers_.put({std::vector<std::byte>(sizeof(Elf64_Shdr)).data(), sizeof(Elf64_Shdr)});
    write_sections();
    write_relocations();
    write_symbols();
    uint32_t own_name = section_names_.add(".shstrtab");
    // The table that holds the names is complete only now; its own name is at the end of it.
    Bytes names = section_names_.bytes();
    uint64_t offset = out_.size();
    out_.put(names);
    headers_.put(own_name, 4);
    headers_.put(SHT_STRTAB, 4);
    headers_.put(0, 8);
    headers_.put(0, 8);
    headers_.put(offset, 8);
    headers_.put(names.size(), 8);
    headers_.put(0, 4);
    headers_.put(0, 4);
    headers_.put(1, 8);
    headers_.put(0, 8);
    out_.align(8);
    uint64_t table_offset = out_.size();
    std::vector<std::byte> headers = headers_.take();
    out_.put(headers);
    write_header(table_offset);
    return out_.take();
}

void Writer::number_sections() {
    first_relocation_section_ = static_cast<uint32_t>(builder_.sections.size());
    symbol_table_ = first_relocation_section_ + static_cast<uint32_t>(builder_.relocations.size());
    section_count_ = symbol_table_ + 3;
    if (section_count_ >= SHN_LORESERVE)
        throw report::Refusal("elf.too-many-sections", builder_.name,
                              fmt::format("the output would have {} sections; the kernel's loader takes fewer than {}",
                                          section_count_, SHN_LORESERVE),
                              "split the patch");
}

void Writer::order_symbols() {
    auto is_local = [&](uint32_t handle) { return handle == 0 || builder_.symbols[handle].binding == STB_LOCAL; };
    symbol_order_.resize(builder_.symbols.size());
    for (uint32_t handle = 0; handle < symbol_order_.size(); ++handle)
        symbol_order_[handle] = handle;
    const std::vector<uint32_t> handles = symbol_order_;
    auto middle = std::ranges::copy_if(handles, symbol_order_.begin(), is_local).out;
    std::ranges::copy_if(handles, middle, std::not_fn(is_local));
    first_global_ = static_cast<uint32_t>(middle - symbol_order_.begin());
    symbol_number_.resize(symbol_order_.size());
    for (uint32_t position = 0; position < symbol_order_.size(); ++position)
        symbol_number_[symbol_order_[position]] = position;
}

void Writer::put_content(std::string_view name, uint32_t type, uint64_t flags, Bytes data, uint64_t nobits,
                         uint32_t link, uint32_t info, uint64_t alignment, uint64_t entry_size) {
    out_.align(std::min<uint64_t>(alignment, 4096));
    headers_.put(section_names_.add(name), 4);
    headers_.put(type, 4);
    headers_.put(flags, 8);
    headers_.put(0, 8);
    headers_.put(out_.size(), 8);
    headers_.put(type == SHT_NOBITS ? nobits : data.size(), 8);
    headers_.put(link, 4);
    headers_.put(info, 4);
    headers_.put(alignment, 8);
    headers_.put(entry_size, 8);
    if (type != SHT_NOBITS)
        out_.put(data);
}

std::vector<std::byte> Writer::group_content(const NewSection& section) {
    Encoder words(builder_.little_endian);
    words.put(section.group_flags, 4);
    for (uint32_t member : section.group_members)
        words.put(member, 4);
    for (uint32_t at = 0; at < builder_.relocations.size(); ++at)
        if (std::ranges::find(section.group_members, builder_.relocations[at].target) != section.group_members.end())
            words.put(first_relocation_section_ + at, 4);
    return words.take();
}

void Writer::write_sections() {
    for (uint32_t handle = 1; handle < builder_.sections.size(); ++handle) {
        const NewSection& section = builder_.sections[handle];
        if (section.group_symbol) {
            std::vector<std::byte> content = group_content(section);
            put_content(section.name, section.type, section.flags, content, 0, symbol_table_,
                        symbol_number_[*section.group_symbol], section.alignment, sizeof(Elf32_Word));
            continue;
        }
        put_content(section.name, section.type, section.flags, section.data, section.nobits_size,
                    section.linked.value_or(0), 0, section.alignment, section.entry_size);
    }
}

void Writer::write_relocations() {
    for (const NewRelocationTable& table : builder_.relocations) {
        Encoder entries(builder_.little_endian);
        for (const Relocation& relocation : table.entries) {
            entries.put(relocation.offset, 8);
            entries.put(ELF64_R_INFO(static_cast<uint64_t>(symbol_number_[relocation.symbol]), relocation.type), 8);
            entries.put(static_cast<uint64_t>(relocation.addend), 8);
        }
        std::vector<std::byte> content = entries.take();
        put_content(table.name, SHT_RELA, table.flags | SHF_INFO_LINK, content, 0, symbol_table_, table.target, 8,
                    sizeof(Elf64_Rela));
    }
}

uint16_t Writer::section_number(const NewSymbol& symbol) const {
    switch (symbol.place) {
    case Place::undefined:
        return SHN_UNDEF;
    case Place::absolute:
        return SHN_ABS;
    case Place::common:
        return SHN_COMMON;
    case Place::livepatch:
        return shn_livepatch;
    case Place::section:
        break;
    }
    return static_cast<uint16_t>(symbol.section);
}

void Writer::write_symbols() {
    Encoder entries(builder_.little_endian);
    StringTable names;
    for (uint32_t handle : symbol_order_) {
        const NewSymbol& symbol = builder_.symbols[handle];
        entries.put(names.add(symbol.name), 4);
        entries.put(ELF64_ST_INFO(symbol.binding, symbol.type), 1);
        entries.put(symbol.other, 1);
        entries.put(handle == 0 ? 0u : section_number(symbol), 2);
        entries.put(symbol.value, 8);
        entries.put(symbol.size, 8);
    }
    std::vector<std::byte> content = entries.take();
    put_content(".symtab", SHT_SYMTAB, 0, content, 0, symbol_table_ + 1, first_global_, 8, sizeof(Elf64_Sym));
    put_content(".strtab", SHT_STRTAB, 0, names.bytes(), 0, 0, 0, 1, 0);
}

void Writer::write_header(uint64_t table_offset) {
    std::vector<std::byte> file = out_.take();
    Encoder header(builder_.little_endian);
    const unsigned char ident[EI_NIDENT] = {
        ELFMAG0,    ELFMAG1,       ELFMAG2,
        ELFMAG3,    ELFCLASS64,    static_cast<unsigned char>(builder_.little_endian ? ELFDATA2LSB : ELFDATA2MSB),
        EV_CURRENT, builder_.osabi};
    header.put(std::as_bytes(std::span(ident)));
    header.put(ET_REL, 2);
    header.put(builder_.machine, 2);
    header.put(EV_CURRENT, 4);
    header.put(0, 8); // entry
    header.put(0, 8); // program headers
    header.put(table_offset, 8);
    header.put(builder_.flags, 4);
    header.put(sizeof(Elf64_Ehdr), 2);
    header.put(0, 2);
    header.put(0, 2);
    header.put(sizeof(Elf64_Shdr), 2);
    header.put(section_count_, 2);
    header.put(section_count_ - 1, 2);
    std::vector<std::byte> bytes = header.take();
    std::copy(bytes.begin(), bytes.end(), file.begin());
    out_.put(file);
}

} // namespace

std::vector<std::byte> write_object(const Builder& builder) {
    return Writer(builder).run();
}

} // namespace klp::elf
