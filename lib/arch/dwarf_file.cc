#include "arch/dwarf_file.h"

#include "arch/machine.h"
#include "elf/integer.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <llvm/Support/MemoryBuffer.h>
#include <span>

namespace klp::arch {

namespace {

constexpr std::string_view debug_prefix = ".debug_";

bool is_debug_data(const elf::Section& section) {
    return section.name.starts_with(debug_prefix) && section.type != SHT_NOBITS;
}

// Without a layout sections are at 0, so S + A is the symbol's offset in its section, and the addend.
void relocate(const elf::Object& file, const SectionLayout* layout, const elf::RelocationTable& table,
              llvm::MutableArrayRef<char> bytes) {
    const Machine& machine = Machine::of(file);
    for (const elf::Relocation& relocation : table.entries) {
        const RelocationKind kind = machine.relocation(relocation.type);
        if (kind.form != Form::absolute || kind.width == 0 || relocation.offset > bytes.size() ||
            bytes.size() - relocation.offset < kind.width || relocation.symbol >= file.symbols().size())
            continue;
        const elf::Symbol& symbol = file.symbol(relocation.symbol);
        const uint64_t base = layout && symbol.place == elf::Place::section ? layout->address_of(symbol.section) : 0;
        const uint64_t value = base + symbol.value + static_cast<uint64_t>(relocation.addend);
        elf::put_integer(std::as_writable_bytes(std::span(bytes.data() + relocation.offset, kind.width)), value,
                         file.is_little_endian());
    }
}

llvm::StringRef text_of(const elf::Section& section) {
    return {reinterpret_cast<const char*>(section.data.data()), section.data.size()};
}

} // namespace

DwarfFile open_relocated_dwarf(const elf::Object& file, const SectionLayout* layout) {
    const auto is_compressed = [](const elf::Section& section) {
        return is_debug_data(section) && (section.flags & SHF_COMPRESSED) != 0;
    };
    if (file.type() != ET_REL || std::ranges::any_of(file.sections(), is_compressed))
        return open_dwarf(file, layout);
    DwarfFile result;
    if (!file.find_section(".debug_info"))
        return result;
    for (const elf::RelocationTable& table : file.read_debug_relocation_tables()) {
        const elf::Section& section = file.section(table.target);
        const std::string name(section.name.substr(1));
        if (!is_debug_data(section) || result.sections.contains(name))
            continue;
        auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(section.data.size(), name);
        std::memcpy(buffer->getBufferStart(), section.data.data(), section.data.size());
        relocate(file, layout, table, buffer->getBuffer());
        result.sections[name] = std::move(buffer);
    }
    for (const elf::Section& section : file.sections())
        if (is_debug_data(section))
            result.sections.try_emplace(section.name.substr(1),
                                        llvm::MemoryBuffer::getMemBuffer(text_of(section), "", false));
    auto ignore = [](llvm::Error error) { llvm::consumeError(std::move(error)); };
    constexpr uint8_t address_size = 8;
    result.dwarf = llvm::DWARFContext::create(result.sections, address_size, file.is_little_endian(), ignore, ignore);
    return result;
}

} // namespace klp::arch
