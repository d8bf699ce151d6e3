#include "proof/image.h"

#include "elf/addend.h"

#include <algorithm>
#include <elf.h>

namespace klp::proof {

namespace {

// A module's Location: the section's index above, the offset within it below. Offsets stay far under 2^40, and the bias
// keeps an address that lies a little before its section (a symbol minus an addend) from wrapping into another one.
constexpr unsigned section_shift = 40;

} // namespace

Image::Image(elf::Object file, symbols::SymbolTable symbols)
    : file_(std::move(file)), symbols_(std::move(symbols)), is_module_(file_.type() == ET_REL) {
    if (is_module_)
        return;
    for (const elf::Section& section : file_.sections())
        if (section.is_allocated() && !section.data.empty())
            by_address_.push_back(section.index);
    std::ranges::sort(by_address_, {}, [&](uint32_t index) { return file_.section(index).address; });
}

Location Image::location(const symbols::KernelSymbol& symbol) const {
    return is_module_ ? (Location{symbol.section} << section_shift) + symbol.address : symbol.address;
}

const elf::Section* Image::section_at(Location location, uint64_t& offset) const {
    if (is_module_) {
        uint64_t index = location >> section_shift;
        offset = location & ((Location{1} << section_shift) - 1);
        return index < file_.sections().size() ? &file_.section(static_cast<uint32_t>(index)) : nullptr;
    }
    auto after = std::ranges::upper_bound(by_address_, location, {},
                                          [&](uint32_t index) { return file_.section(index).address; });
    if (after == by_address_.begin())
        return nullptr;
    const elf::Section& section = file_.section(*std::prev(after));
    offset = location - section.address;
    return &section;
}

elf::Bytes Image::bytes(Location location, uint64_t size) const {
    uint64_t offset = 0;
    const elf::Section* section = section_at(location, offset);
    if (!section || offset > section->data.size() || size > section->data.size() - offset)
        return {};
    return section->data.subspan(offset, size);
}

std::string_view Image::text(Location location) const {
    uint64_t offset = 0;
    const elf::Section* section = section_at(location, offset);
    if (!section || offset > section->data.size())
        return {};
    elf::Bytes rest = section->data.subspan(offset);
    std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    return text.substr(0, text.find('\0'));
}

std::optional<FieldTarget> Image::relocated_reference(const elf::Section& section, uint64_t offset,
                                                      int64_t addend) const {
    std::span<const elf::Relocation> relocations = file_.relocations(section.index);
    auto found = std::ranges::lower_bound(relocations, offset, {}, &elf::Relocation::offset);
    if (found == relocations.end() || found->offset != offset)
        return std::nullopt;
    const elf::Symbol& symbol = file_.symbol(found->symbol);
    if (symbol.place != elf::Place::section)
        return FieldTarget{std::nullopt, symbol.name, elf::difference(found->addend, addend)};
    Location target = (Location{symbol.section} << section_shift) + symbol.value;
    return FieldTarget{target + static_cast<uint64_t>(elf::difference(found->addend, addend)), {}, 0};
}

std::optional<FieldTarget> Image::reference(Location location, const arch::Field& field, int64_t addend) const {
    uint64_t offset = 0;
    const elf::Section* section = section_at(location, offset);
    if (!section || offset > section->data.size() || field.width > section->data.size() - offset)
        return std::nullopt;
    if (is_module_)
        if (std::optional<FieldTarget> relocated = relocated_reference(*section, offset, addend))
            return relocated;
    uint64_t value = file_.read_integer(section->data, offset, field.width);
    if (field.is_signed && field.width == 4)
        value = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    if (field.pc_relative)
        value += location;
    else if (is_module_)
        return std::nullopt; // an absolute value in an unlinked object refers to nothing
    return FieldTarget{value - static_cast<uint64_t>(addend), {}, 0};
}

bool Image::has_other_relocations(Location location, uint64_t size, std::span<const uint64_t> offsets) const {
    uint64_t start = 0;
    const elf::Section* section = is_module_ ? section_at(location, start) : nullptr;
    if (!section)
        return false;
    std::span<const elf::Relocation> relocations = file_.relocations(section->index);
    auto at = std::ranges::lower_bound(relocations, start, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < start + size; ++at)
        if (!std::ranges::binary_search(offsets, at->offset - start))
            return true;
    return false;
}

const symbols::KernelSymbol* Image::symbol_at(Location wanted, std::string_view name) const {
    for (uint32_t index : symbols_.find(name))
        if (location(symbols_.symbols()[index]) == wanted)
            return &symbols_.symbols()[index];
    return nullptr;
}

} // namespace klp::proof
