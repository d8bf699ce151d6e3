// Functions that a patch changes and that ftrace cannot hook: their callers have to call something else.
#pragma once

#include "rewrite/changed_functions.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <map>
#include <set>
#include <string>

namespace klp::rewrite {

// The functions of `file`, which the unit reads, that the patch changes and ftrace cannot hook, and those that call
// them there and cannot be hooked either. In a unit that is compiled for ftrace (`is_traced`), those that only it can
// call are none: they are replaced with their callers as they are.
std::set<std::string> unhookable_changes(const ParsedUnit& unit, const std::string& file, const PatchedText& text,
                                         bool is_traced);

} // namespace klp::rewrite
