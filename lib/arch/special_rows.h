// The rows of the table of special sections, by what they are of. Everybody else asks arch/special_sections.h.
#pragma once

#include "arch/special_sections.h"

namespace klp::arch {

inline constexpr std::string_view find_sections = "kernel/module/main.c, find_module_sections()";

// Entries of one pointer each.
inline std::vector<EntryLayout> list_of(unsigned size, Site site) {
    return {{size, {{0, site}}}};
}

// Tables whose entries belong to functions.
std::vector<SpecialSection> rows_of_functions();
// Other sections that the loader or the kernel's link knows by name.
std::vector<SpecialSection> rows_of_modules();

} // namespace klp::arch
