// New enumerators before others, which get other values by that.
#pragma once

#include "report/finding.h"
#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <string>
#include <vector>

namespace klp::rewrite {

struct MovedEnumerators {
    FileEdits edits;
    std::vector<std::string> done;
    std::vector<report::Finding> questions;
};

// New enumerators in files of `texts` go behind the last one; of those that count the others (NR_x, x_MAX), before it.
// A question where objects hold the new value, since code that is older than the patch will read it there, and where
// the order counts.
MovedEnumerators move_enumerators(const ParsedUnit& original, const ParsedUnit& patched, const PatchedTexts& texts,
                                  const std::string& patched_root);

} // namespace klp::rewrite
