// The relocations of a live patch for klp-build's own runtime core, as data: the kernel's loader keeps nothing of the
// ELF file for a module that it does not take for a live patch. Layout: elf/livepatch_abi.h, template/core/README.md.
#pragma once

#include "arch/machine.h"
#include "convert/reference.h"
#include "elf/builder.h"
#include "elf/object.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::convert {

// A relocation for the table: where it applies, in the module being made, and what it refers to.
struct CoreEntry {
    uint32_t section = 0; // handle of the relocated section
    elf::Relocation relocation;
    const LivepatchReference* reference = nullptr;
};

// Adds the table, which may be empty, its strings and the symbol by which the core finds it: global, as tools that
// strip modules take local ones away. Where the module refers to that symbol already, it is defined.
void add_core_table(elf::Builder& module, const arch::Machine& machine, std::span<const CoreEntry> entries);

// An entry of a finished module's table.
struct CoreRelocation {
    const elf::Section* section = nullptr; // of the place; nullptr if it is none of this module's
    uint64_t offset = 0;
    std::string_view object;        // whose arrival makes it possible
    std::string_view symbol_object; // whose symbol it is
    std::string_view symbol;
    int64_t addend = 0;
    unsigned sympos = 0;
    uint32_t type = 0;
};

struct CoreTable {
    std::vector<CoreRelocation> entries;
    std::vector<std::string> defects; // of the table itself, for people; entries that cannot be read are left out
};

// Reads the table; without one both are empty. The result points into `module`.
CoreTable read_core_table(const elf::Object& module);

} // namespace klp::convert
