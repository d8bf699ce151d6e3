// The kernel that runs, as machine code: vmlinux or a module's .ko. What a unit's functions are held against, and where
// the addresses that they refer to are read from (docs/design.md, "The kernel image is the witness").
#pragma once

#include "arch/field.h"
#include "elf/object.h"
#include "symbols/kernel_symbols.h"

#include <optional>
#include <string>

namespace klp::proof {

// A place in an image. For vmlinux it is the linked address; for a module, which is not linked yet, it is made of
// section and offset (see Image::location). Distances within one section are true in both.
using Location = uint64_t;

// What a relocated field of the image refers to: a place, or, for an undefined symbol of a module, a name.
struct FieldTarget {
    std::optional<Location> location;
    std::string_view undefined_name;
    int64_t addend = 0; // with a name only

    bool operator==(const FieldTarget&) const = default;
};

// One object of the kernel. Immutable; keeps the file mapped, so that only the pages that are looked at cost memory.
class Image {
public:
    // `file` is a vmlinux (ET_EXEC or ET_DYN; what a boot image holds: symbols/boot_image.h) or a module (ET_REL),
    // `symbols` what the kernel knows of it.
    Image(elf::Object file, symbols::SymbolTable symbols);

    const std::string& object() const { return symbols_.object(); }
    const symbols::SymbolTable& symbols() const { return symbols_; }
    const elf::Object& file() const { return file_; }
    bool is_module() const { return is_module_; }

    Location location(const symbols::KernelSymbol& symbol) const;
    // The bytes at [location, location + size); empty if the image does not hold all of them.
    elf::Bytes bytes(Location location, uint64_t size) const;
    // The text at `location` up to its NUL, or to the end of the section.
    std::string_view text(Location location) const;
    // What the field of this shape at `location` refers to, with `addend` (that of the unit's relocation) taken off, so
    // that the result is the symbol's place. nullopt if the image has no such bytes.
    std::optional<FieldTarget> reference(Location location, const arch::Field& field, int64_t addend) const;
    // Whether the image, if a module, has a relocation anywhere in [location, location + size) but at the given offsets
    // (sorted, relative to location). A linked image has none.
    bool has_other_relocations(Location location, uint64_t size, std::span<const uint64_t> offsets) const;
    // The symbol `name` at exactly this place, or nullptr.
    const symbols::KernelSymbol* symbol_at(Location location, std::string_view name) const;

private:
    const elf::Section* section_at(Location location, uint64_t& offset) const;
    std::optional<FieldTarget> relocated_reference(const elf::Section& section, uint64_t offset, int64_t addend) const;

    elf::Object file_;
    symbols::SymbolTable symbols_;
    bool is_module_;
    std::vector<uint32_t> by_address_; // allocated sections of a linked image, sorted by address
};

} // namespace klp::proof
