// A kernel from the image that boots, for those who have no debug package: the vmlinux inside, and the symbols that it
// carries for kallsyms. That vmlinux has sections and their contents, so it serves as an oracle too, but no symbol
// table.
#pragma once

#include "elf/object.h"
#include "symbols/kernel_symbols.h"

#include <filesystem>

namespace klp::symbols {

// The vmlinux packed into a bzImage (Documentation/arch/x86/boot.rst: payload_offset; gzip, xz, zstd or lz4). A file
// that is an ELF image already is taken as it is. `name` is for messages.
// Throws report::Refusal "boot.unknown-format", "boot.damaged", and what unpack() and elf::Object::from_bytes throw.
elf::Object unpack_boot_image(std::vector<std::byte> image, const std::string& name);

// The same from a file; throws "file.unreadable" too.
elf::Object open_boot_image(const std::filesystem::path& path);

// The symbols of vmlinux as the running kernel has them: its kallsyms tables (scripts/kallsyms.c, write_src(), in the
// order of 6.1, of 6.4 and of 7.x). Names, addresses and order are the kernel's; sizes are not known; the type is
// what the letter of /proc/kallsyms says. Throws report::Refusal "boot.no-kallsyms".
SymbolTable read_kallsyms(const elf::Object& vmlinux);

// Is this file a bzImage, by its first bytes? False if it cannot be read.
bool is_boot_image(const std::filesystem::path& path);

// vmlinux as a file and as symbols, whichever of the two a path is: an ELF image with a symbol table, or a boot image,
// whose kallsyms are read. Throws what elf::Object::open, read_elf_symbols and the above throw.
struct KernelImage {
    elf::Object file;
    SymbolTable symbols;
};
KernelImage open_kernel_image(const std::filesystem::path& path);

} // namespace klp::symbols
