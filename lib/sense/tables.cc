#include "sense/tables.h"

#include "arch/special_sections.h"

#include <algorithm>
#include <elf.h>
#include <set>
#include <string_view>

namespace klp::sense {

namespace {

// "rows" of a function's "rows.5".
std::string_view without_number(std::string_view name) {
    const size_t dot = name.rfind('.');
    const bool has_number = dot != std::string_view::npos && dot > 0 && dot + 1 < name.size() &&
                            std::ranges::all_of(name.substr(dot + 1), [](char c) { return c >= '0' && c <= '9'; });
    return has_number ? name.substr(0, dot) : name;
}

// Sections that the unit's variables refer to. With -fdata-sections each is one variable's.
std::set<uint32_t> referred_to_by_data(const elf::Object& unit) {
    std::set<uint32_t> sections;
    for (const elf::Section& section : unit.sections()) {
        if (!section.is_allocated() || arch::role_of(section) != arch::Role::data)
            continue;
        for (const elf::Relocation& relocation : unit.relocations(section.index))
            if (const elf::Section* target = unit.section_of(unit.symbol(relocation.symbol)))
                sections.insert(target->index);
    }
    return sections;
}

} // namespace

bool are_private_tables(const elf::Object& unit, const std::vector<const Variable*>& variables) {
    const std::set<uint32_t> known = referred_to_by_data(unit);
    return std::ranges::all_of(variables, [&](const Variable* variable) {
        for (const elf::Symbol& symbol : unit.symbols()) {
            const elf::Section* section = unit.section_of(symbol);
            if (!section || symbol.is_function() || without_number(symbol.name) != variable->name)
                continue;
            if (!symbol.is_local() || (section->flags & SHF_WRITE) || known.contains(section->index))
                return false;
        }
        return true; // also where all of it became constants in code
    });
}

} // namespace klp::sense
