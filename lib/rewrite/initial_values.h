// Variables that exist and are initialised differently by the patch.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <string>
#include <vector>

namespace klp::rewrite {

// One scalar of a variable, "pipe_max_size" or "table[2].mode".
struct ChangedValue {
    std::string place;  // as an expression
    std::string before; // what it was and is initialised with, as expressions
    std::string after;
    bool is_number = true; // else the address of a function
};

struct ChangedValues {
    std::vector<ChangedValue> values; // that a callback can set
    FileEdits edits;                  // take all changed initialisers back
    std::vector<report::Finding> questions;
};

// Of the variables in the unit's own file, a variable that only one side has is none of them.
ChangedValues find_changed_values(const ParsedUnit& original, const ParsedUnit& patched, const std::string& name);

} // namespace klp::rewrite
