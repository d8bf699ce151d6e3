// What kind of storage a variable has: part of its identity. A per-cpu counter is not the ordinary one of the same
// name, and the kernel's read-only table is nothing that patched code may write to.
#pragma once

#include "diff/unit.h"

#include <string_view>

namespace klp::diff {

enum class Storage : uint8_t {
    ordinary,      // writable at any time
    read_only,     // .rodata, and what is relocated once (.data.rel.ro)
    ro_after_init, // __ro_after_init: writable only while the kernel or module starts
    per_cpu,
    thread,
    init, // gone once the kernel or module has started (include/linux/init.h)
    exit, // never there in vmlinux
    table // in a section that is read as a table: by its linker script's bounds or by its name
};

Storage storage_of(const Unit& unit, const Piece& piece);

// What it means that the patched unit has another kind of storage for a thing of the same name.
enum class StorageChange : uint8_t {
    same,
    harmless, // the kernel's own serves patched code as well: const added, __init added
    fresh,    // the kernel's is gone: another thing, which comes along
    different // patched code needs what the kernel's is not
};

// `original` and `patched` are pieces of the same kind and name.
StorageChange storage_change(const Unit& original_unit, const Piece& original, const Unit& patched_unit,
                             const Piece& patched);

// "per-cpu data", "read-only data": for messages.
std::string_view to_string(Storage storage);

} // namespace klp::diff
