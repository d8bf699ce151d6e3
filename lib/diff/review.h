// What a reviewer wants to see of a function that the patch changes: its code before and after, the lines of source
// that it is made of, and who calls it.
#pragma once

#include "diff/pair.h"
#include "diff/selection.h"

#include <vector>

namespace klp::diff {

// Fills Item::review of the items of list_items() that are functions and changed or new.
std::vector<Item> review_items(std::vector<Item> items, const Pair& pair, const Selection& selection);

} // namespace klp::diff
