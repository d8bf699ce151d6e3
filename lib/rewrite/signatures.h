// Exported functions that take other arguments by the patch: callers that it does not see call them as before.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// A unit before and after the patch.
struct UnitSides {
    const ParsedUnit* original = nullptr;
    const ParsedUnit* patched = nullptr;
    bool is_traced = true; // compiled with the calls that ftrace hooks
};

struct Siblings {
    std::set<std::string> names;                   // of the functions
    FileEdits edits;                               // but for the prototypes
    std::map<std::string, std::string> prototypes; // by file: what goes behind its #include lines
    std::vector<std::string> done;                 // a paragraph for each function
    std::vector<report::Finding> questions;
};

// The function is as it was, and a new one stands beside it, with "klp_" before its name, for the callers in the units
// of the patch. `patched_root`: what paths of the patched tree begin with.
Siblings find_siblings(const std::vector<UnitSides>& units, const PatchedTexts& texts, const std::string& patched_root);

} // namespace klp::rewrite
