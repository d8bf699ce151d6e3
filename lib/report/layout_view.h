// A layout before and after the patch, side by side.
#pragma once

#include "report/html.h"
#include "report/layout_table.h"

namespace klp::report {

// Runs of members that stay the same, or that only move, are told by their number.
Html layout_view(const LayoutTable& table);

} // namespace klp::report
