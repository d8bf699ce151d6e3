// What is in the output, for people and the report.
#pragma once

#include "diff/selection.h"

#include <vector>

namespace klp::diff {

// One item for each piece that comes along, in their order.
std::vector<Item> list_items(const Pair& pair, const Selection& selection, const KernelSymbols& kernel);

// The same with the causes of what changed.
std::vector<Item> explain_items(std::vector<Item> items, const Pair& pair, const Changes& changes,
                                const Selection& selection);

} // namespace klp::diff
