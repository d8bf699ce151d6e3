// Private to this room: the hunks of one file applied to its lines.
#pragma once

#include "source/hunk_place.h"

#include <deque>

namespace klp::source {

struct HunkContext {
    const PatchText& patch;
    const std::string& path;
    std::deque<std::string>& texts; // grows by the lines that are in no file and no patch as they stand
    std::vector<report::Finding>& findings;
    std::vector<report::Finding>& failures;
};

// False: at least one hunk failed, and the failures say so; `file` is as it was.
bool apply_hunks(const HunkContext& context, const std::vector<Hunk>& hunks, Lines& file);

} // namespace klp::source
