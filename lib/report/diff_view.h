// Differences as people read them: removed and added lines by sign and word order, colours come on top.
#pragma once

#include "report/html.h"
#include "report/line_diff.h"

#include <vector>

namespace klp::report {

// Blocks of lines; of very many the first lines, and a word on how many are left out (the JSON report has all).
Html diff_view(const std::vector<DiffBlock>& blocks);

} // namespace klp::report
