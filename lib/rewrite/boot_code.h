// Changes of __init functions, which have run already: what they would have done now, callbacks do.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/initial_values.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <string>
#include <vector>

namespace klp::rewrite {

// What only the author can write.
struct BootStep {
    std::string function;             // the __init function
    std::vector<std::string> lines;   // the new lines in it
    std::vector<std::string> objects; // variables that outlive the start of the kernel, which these lines name
};

struct BootCode {
    std::vector<ChangedValue> values; // that a callback can set
    std::vector<BootStep> steps;
    FileEdits edits;                        // take the functions back to what they were
    std::vector<report::Finding> questions; // "rewrite.init", one for each step
};

// Of the functions in the unit's own file. Where all that changed is numbers and addresses of functions that are given
// to variables or their members, without a condition, these are `values`. `name` is the file's, for messages.
BootCode find_boot_code(const ParsedUnit& original, const ParsedUnit& patched, const PatchedText& text,
                        const std::string& name);

} // namespace klp::rewrite
