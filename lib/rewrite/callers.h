// Functions whose callers have to call something else: what no live patch can redirect, and inline functions of a
// header that only some callers shall see changed.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/signatures.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// A function that calls the new code, or, without a name, all of a file's.
struct Caller {
    std::string file; // absolute, in the patched tree
    std::string function;
};

struct CallerRequest {
    const std::vector<UnitSides>& units; // of the patch, and of the callers
    const PatchedTexts& texts;
    const std::string& patched_root;
    const std::vector<Caller>& chosen; // all callers in `units` if there are none, and headers are left alone
    std::set<std::string> settled;     // functions that have a new one beside them already
    // Who calls a function in the running kernel, by name, as far as known.
    const std::function<std::vector<std::string>(const std::string&)>& callers_in_kernel;
};

struct NewCallees {
    FileEdits edits;                               // but for the prototypes
    std::map<std::string, std::string> prototypes; // by file: what goes behind its #include lines
    std::map<std::string, std::string> functions;  // the same, behind the prototypes
    std::vector<std::string> done;                 // a paragraph for each function
    std::vector<std::string> remarks;
    std::vector<report::Finding> questions; // "rewrite.caller"
};

// The functions are as they were; new ones, with "klp_" before their names, stand beside them in their file, and the
// callers call those. Of a header's, the new ones go into the files of the callers.
NewCallees redirect_callers(const CallerRequest& request);

} // namespace klp::rewrite
