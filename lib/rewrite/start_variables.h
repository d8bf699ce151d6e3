// Variables that functions fill which ran when the kernel or module started, and do not run again.
#pragma once

#include "rewrite/edits.h"
#include "rewrite/parsed_unit.h"

#include <string>
#include <vector>

namespace klp::rewrite {

struct StartVariables {
    FileEdits edits;
    std::vector<std::string> done; // for the author, a paragraph each
};

// Of the unit's own file: what is new cannot be read-only after the start, since only a callback can fill it; and what
// only such functions still use is kept in use, or the compiler would take it out of them, and so change them.
StartVariables keep_start_variables(const ParsedUnit& original, const ParsedUnit& patched);

} // namespace klp::rewrite
