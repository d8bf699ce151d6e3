// Where a unit calls a function, and where it does something else with its name.
#pragma once

#include "rewrite/parsed_unit.h"

#include <set>
#include <string>
#include <string_view>

namespace klp::rewrite {

// What a function that stands beside another one has before its name.
inline constexpr const char* new_name_prefix = "klp_";

struct References {
    std::set<Place> calls;  // the name, where it is written as that of what is called
    std::set<Place> others; // its address is taken, or a macro brings the name
};

References references_to(const ParsedUnit& unit, const std::string& function);

// EXPORT_SYMBOL() and its like take the address of what was there before: a name in such a line.
bool is_export(std::string_view text, size_t offset);

} // namespace klp::rewrite
