// The functions of a unit's own file, and which of them a patch changes.
#pragma once

#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <map>
#include <set>
#include <string>

namespace klp::rewrite {

struct Function {
    size_t begin = 0, end = 0; // in the text
    bool is_static = false;
    bool is_init = false;     // runs at boot only
    bool is_hookable = false; // by ftrace, if its unit is compiled for that: no notrace, no inline (which implies it)
    std::set<std::string> callees;
};

// Those with a body in this file that the unit reads, by name.
std::map<std::string, Function> functions_in(const ParsedUnit& unit, const std::string& file);

// The same of the unit's own file.
std::map<std::string, Function> functions_of(const ParsedUnit& unit);

// Has a line that the patch brought, or a gap where it took one away, or one of `others` (edits of that file).
bool is_changed(const Function& function, const PatchedText& text, const std::set<Edit>& others);

} // namespace klp::rewrite
