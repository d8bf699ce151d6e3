// Reading: from the file's bytes to sections, symbols and relocations, all of them checked.
#include "elf/livepatch_abi.h"
#include "elf/object_state.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace klp::elf {

namespace {

// Those of one place stay in their order: it counts on machines whose relocations add up.
void sort_by_offset(std::vector<Relocation>& entries) {
    if (std::ranges::is_sorted(entries, {}, &Relocation::offset))
        return;
    std::vector<std::pair<uint64_t, size_t>> order;
    order.reserve(entries.size());
    for (const Relocation& entry : entries)
        order.emplace_back(entry.offset, order.size());
    std::ranges::sort(order);
    std::vector<Relocation> sorted;
    sorted.reserve(entries.size());
    for (auto [offset, at] : order)
        sorted.push_back(entries[at]);
    entries = std::move(sorted);
}

} // namespace

void Object::State::corrupt(std::string message) const {
    throw report::Refusal("elf.corrupt", name, std::move(message), "the file is damaged; compile or copy it again");
}

void Object::State::read() {
    read_header();
    read_sections();
    read_symbol_table();
    read_relocations();
    read_groups();
}

void Object::State::read_header() {
    elf_version(EV_CURRENT);
    // https://llvm.org/docs/BitCodeFormat.html: the magic number, or that of the wrapper around it
    for (std::string_view magic : {"BC\xc0\xde", "\xde\xc0\x17\x0b"})
        if (image.size() >= magic.size() && std::memcmp(image.data(), magic.data(), magic.size()) == 0)
            throw report::Refusal("elf.bitcode", name,
                                  "this is LLVM bitcode, which the compiler leaves for link-time optimisation "
                                  "(CONFIG_LTO_CLANG); it holds no machine code",
                                  "give the object that the link makes of it, or compile the unit without -flto");
    if (image.size() < EI_NIDENT || std::memcmp(image.data(), ELFMAG, SELFMAG) != 0)
        throw report::Refusal("elf.not-elf", name,
                              image.size() == 0 ? "the file is empty" : "the file is not an ELF file",
                              "give an object file, a vmlinux or a kernel module");
    auto ident = [&](size_t at) { return std::to_integer<unsigned>(image.data()[at]); };
    if (ident(EI_CLASS) != ELFCLASS64)
        throw report::Refusal("elf.unsupported", name, "the file is not a 64-bit ELF file",
                              "only 64-bit kernels are supported");
    elf = elf_memory(reinterpret_cast<char*>(image.data()), image.size());
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        corrupt(fmt::format("the ELF header cannot be read ({})", elf_errmsg(-1)));
    if (header.e_ident[EI_DATA] != ELFDATA2LSB && header.e_ident[EI_DATA] != ELFDATA2MSB)
        corrupt("the ELF header names no byte order");
}

Section Object::State::read_section_header(Elf_Scn* scn, uint32_t index, uint32_t names) {
    GElf_Shdr shdr;
    if (!gelf_getshdr(scn, &shdr))
        corrupt(fmt::format("section header {} cannot be read ({})", index, elf_errmsg(-1)));
    Section section;
    section.index = index;
    section.type = shdr.sh_type;
    section.flags = shdr.sh_flags;
    section.address = shdr.sh_addr;
    section.size = shdr.sh_size;
    section.link = shdr.sh_link;
    section.info = shdr.sh_info;
    section.alignment = shdr.sh_addralign ? shdr.sh_addralign : 1;
    section.entry_size = shdr.sh_entsize;
    if (index == 0) {
        // Its fields carry the extended counts (gabi, "Special Sections"), not a section's.
        section.size = 0;
        return section;
    }
    const char* text = elf_strptr(elf, names, shdr.sh_name);
    if (!text)
        corrupt(fmt::format("the name of section {} lies outside the section name table", index));
    section.name = text;
    if (!std::has_single_bit(section.alignment))
        corrupt(fmt::format("section {} has alignment {}, which is no power of two", section.name, section.alignment));
    if (section.type != SHT_NOBITS && section.type != SHT_NULL) {
        if (shdr.sh_offset > image.size() || shdr.sh_size > image.size() - shdr.sh_offset)
            corrupt(fmt::format("section {} (offset {}, size {}) reaches beyond the end of the file ({} bytes)",
                                section.name, shdr.sh_offset, shdr.sh_size, image.size()));
        section.data = {image.data() + shdr.sh_offset, shdr.sh_size};
    }
    return section;
}

void Object::State::read_sections() {
    size_t count = 0, names = 0;
    if (elf_getshdrnum(elf, &count) != 0)
        corrupt(fmt::format("the number of sections cannot be read ({})", elf_errmsg(-1)));
    // libelf takes a table beyond the end of the file for no table at all.
    if (header.e_shoff > image.size() || count > (image.size() - header.e_shoff) / sizeof(Elf64_Shdr) ||
        (header.e_shoff != 0 && count == 0))
        corrupt(fmt::format("the section header table (at {}) reaches beyond the end of the file ({} bytes)",
                            header.e_shoff, image.size()));
    if (count == 0) {
        sections.resize(1);
        table_of.assign(1, -1);
        return;
    }
    if (elf_getshdrstrndx(elf, &names) != 0 || names >= count)
        corrupt("the index of the section name table is not a section's");
    sections.reserve(count);
    for (uint32_t index = 0; index < count; ++index) {
        Elf_Scn* scn = elf_getscn(elf, index);
        if (!scn)
            corrupt(fmt::format("section {} cannot be read ({})", index, elf_errmsg(-1)));
        sections.push_back(read_section_header(scn, index, static_cast<uint32_t>(names)));
        section_by_name.emplace(sections.back().name, index);
        if (sections.back().type == SHT_SYMTAB && symbol_table == 0)
            symbol_table = index;
    }
    table_of.assign(count, -1);
}

Elf_Data* Object::State::translated(uint32_t index) const {
    const Section& section = sections[index];
    if (section.flags & SHF_COMPRESSED)
        corrupt(fmt::format("section {} is compressed, which only debug data may be", section.name));
    if (section.data.empty())
        return nullptr;
    Elf_Data* data = elf_getdata(elf_getscn(elf, index), nullptr);
    if (!data || !data->d_buf)
        corrupt(fmt::format("section {} cannot be decoded ({})", section.name, elf_errmsg(-1)));
    return data;
}

Symbol Object::State::read_symbol(uint32_t index) const {
    GElf_Sym sym;
    Elf32_Word extended_section = 0;
    if (!gelf_getsymshndx(symbol_data, symbol_sections, static_cast<int>(index), &sym, &extended_section))
        corrupt(fmt::format("symbol {} cannot be read ({})", index, elf_errmsg(-1)));
    Symbol symbol;
    symbol.index = index;
    symbol.value = sym.st_value;
    symbol.size = sym.st_size;
    symbol.binding = GELF_ST_BIND(sym.st_info);
    symbol.type = GELF_ST_TYPE(sym.st_info);
    symbol.other = sym.st_other;
    symbol.name = Object::string_at(sections[sections[symbol_table].link], sym.st_name);
    uint32_t where = sym.st_shndx;
    if (where == SHN_XINDEX) {
        symbol.place = Place::section;
        symbol.section = extended_section;
    } else if (where == SHN_UNDEF) {
        symbol.place = Place::undefined;
    } else if (where == shn_livepatch) {
        symbol.place = Place::livepatch;
    } else if (where == SHN_COMMON) {
        symbol.place = Place::common;
    } else if (where >= SHN_LORESERVE) {
        symbol.place = Place::absolute; // SHN_ABS, and processor-specific ones that have no section either
    } else {
        symbol.place = Place::section;
        symbol.section = where;
    }
    if (symbol.place == Place::section && (symbol.section >= sections.size() || symbol.section == 0))
        corrupt(
            fmt::format("symbol {} ({}) names section {}, which does not exist", index, symbol.name, symbol.section));
    if (symbol.is_section() && symbol.place == Place::section && symbol.name.empty())
        symbol.name = sections[symbol.section].name;
    return symbol;
}

void Object::State::read_symbol_table() {
    if (symbol_table == 0)
        return;
    const Section& table = sections[symbol_table];
    if (table.link >= sections.size() || sections[table.link].type != SHT_STRTAB)
        corrupt(fmt::format("the symbol table {} has no string table", table.name));
    if (table.size % sizeof(Elf64_Sym) != 0)
        corrupt(fmt::format("the size of {} is no multiple of a symbol's", table.name));
    symbol_data = translated(symbol_table);
    if (!symbol_data)
        return;
    for (const Section& section : sections)
        if (section.type == SHT_SYMTAB_SHNDX && section.link == symbol_table)
            symbol_sections = translated(section.index);
    symbol_count = static_cast<uint32_t>(table.size / sizeof(Elf64_Sym));
    if (header.e_type == ET_REL)
        all_symbols();
}

const std::vector<Symbol>& Object::State::all_symbols() const {
    std::call_once(has_symbols, [this] {
        symbols.reserve(symbol_count);
        visit_symbols([this](const Symbol& symbol) { symbols.push_back(symbol); });
    });
    return symbols;
}

void Object::State::visit_symbols(const std::function<void(const Symbol&)>& visit) const {
    for (uint32_t index = 0; index < symbol_count; ++index)
        visit(read_symbol(index));
}

RelocationTable Object::State::read_relocation_table(const Section& section) const {
    RelocationTable table;
    table.section = section.index;
    table.target = section.info;
    if (section.size % sizeof(Elf64_Rela) != 0)
        corrupt(fmt::format("the size of {} is no multiple of a relocation's", section.name));
    if (section.info >= sections.size() || section.info == 0)
        corrupt(fmt::format("{} relocates section {}, which does not exist", section.name, section.info));
    if (section.link != symbol_table || symbol_table == 0)
        corrupt(fmt::format("{} does not use the symbol table", section.name));
    Elf_Data* data = translated(section.index);
    size_t count = data ? section.size / sizeof(Elf64_Rela) : 0;
    table.entries.reserve(count);
    for (size_t index = 0; index < count; ++index) {
        GElf_Rela rela;
        if (!gelf_getrela(data, static_cast<int>(index), &rela))
            corrupt(fmt::format("relocation {} of {} cannot be read ({})", index, section.name, elf_errmsg(-1)));
        Relocation relocation{rela.r_offset, static_cast<uint32_t>(GELF_R_TYPE(rela.r_info)),
                              static_cast<uint32_t>(GELF_R_SYM(rela.r_info)), rela.r_addend};
        if (relocation.symbol >= symbol_count)
            corrupt(fmt::format("relocation {} of {} names symbol {}, which does not exist", index, section.name,
                                relocation.symbol));
        if (header.e_type == ET_REL && relocation.offset >= sections[section.info].size)
            corrupt(fmt::format("relocation {} of {} applies at {}, beyond the end of {}", index, section.name,
                                relocation.offset, sections[section.info].name));
        table.entries.push_back(relocation);
    }
    return table;
}

bool Object::State::is_debug_table(const Section& section) const {
    return section.type == SHT_RELA && header.e_type == ET_REL && section.info < sections.size() &&
           sections[section.info].name.starts_with(".debug");
}

void Object::State::read_relocations() {
    for (const Section& section : sections) {
        if (section.type == SHT_REL && header.e_type == ET_REL && section.info < sections.size() &&
            sections[section.info].is_allocated())
            throw report::Refusal(
                "elf.unsupported", name, fmt::format("{} has relocations without addends (SHT_REL)", section.name),
                "the kernel's 64-bit machines use SHT_RELA; check which machine this was compiled for");
        // Images that are linked (ET_EXEC, ET_DYN) keep at most dynamic relocations; nobody here wants those.
        if (section.type != SHT_RELA || header.e_type != ET_REL)
            continue;
        if (is_debug_table(section))
            continue;
        // A livepatch section that belongs nowhere is klp-verify's to report; nobody else looks at them.
        bool belongs = section.link == symbol_table && section.info != 0 && section.info < sections.size();
        if ((section.flags & shf_rela_livepatch) && !belongs)
            continue;
        tables.push_back(read_relocation_table(section));
        if (section.flags & shf_rela_livepatch)
            continue;
        RelocationTable& table = tables.back();
        if (table_of[table.target] >= 0)
            corrupt(fmt::format("section {} has two relocation sections", sections[table.target].name));
        table_of[table.target] = static_cast<int32_t>(tables.size() - 1);
        sort_by_offset(table.entries);
    }
}

void Object::State::read_groups() {
    for (const Section& section : sections) {
        if (section.type != SHT_GROUP)
            continue;
        if (section.size < sizeof(Elf32_Word) || section.size % sizeof(Elf32_Word) != 0 || section.info >= symbol_count)
            corrupt(fmt::format("group section {} is malformed", section.index));
        const Elf_Data* data = translated(section.index);
        const auto* words = static_cast<const Elf32_Word*>(data->d_buf);
        Group group{section.index, words[0], section.info, {}};
        for (size_t at = 1; at < section.size / sizeof(Elf32_Word); ++at) {
            if (words[at] >= sections.size() || words[at] == 0 || sections[words[at]].type == SHT_GROUP)
                corrupt(fmt::format("group section {} has section {} for a member", section.index, words[at]));
            group.members.push_back(words[at]);
        }
        groups.push_back(std::move(group));
    }
}

} // namespace klp::elf
