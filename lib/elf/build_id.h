// The name that the linker gives to what it made (ld --build-id): a hash over the contents, in a note.
#pragma once

#include "elf/object.h"

#include <filesystem>
#include <string>

namespace klp::elf {

// In hexadecimal; empty if the file has none. Looks at the notes of a linked file or a module.
// Source: System V ABI, "Note Section"; NT_GNU_BUILD_ID of elf.h.
std::string build_id(const Object& object);

// The same of a linked file, read without its symbols. Empty also if it is no ELF file or is damaged. Throws
// report::Refusal "file.unreadable".
std::string build_id_of(const std::filesystem::path& file);

// The same from the notes alone, as /sys/kernel/notes and /sys/module/NAME/notes have them: in this machine's byte
// order.
std::string build_id(Bytes notes);

} // namespace klp::elf
