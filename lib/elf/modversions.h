// The versions that a module wants of its imports, as modpost writes them into it (scripts/mod/modpost.c,
// add_versions() and add_extended_versions()) and the loader compares them (kernel/module/version.c, check_version()).
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace klp::elf {

struct Modversion {
    std::string_view name; // of an import, or module_layout
    uint64_t crc = 0;      // of the whole word that the kernel compares
};

struct Modversions {
    std::vector<Modversion> list; // in the order of the file; the first of a name counts
    bool is_there = false;
    // From __version_ext_crcs and __version_ext_names, where they are there (CONFIG_EXTENDED_MODVERSIONS, since Linux
    // 6.14): the kernel then reads nothing else, and takes an import that they do not name.
    bool is_extended = false;
    std::vector<std::string> defects; // for people
};

// The result points into `module`.
Modversions read_modversions(const Object& module);

} // namespace klp::elf
