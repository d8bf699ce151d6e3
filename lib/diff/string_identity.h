// Strings, and other constants that have no name in the source, that code goes by the address of.
//
//     if (zram->name != default_name) kfree(zram->name);
//
// A live patch has copies of the strings that its code refers to. Nobody notices, but where one address of a string is
// compared with another that may be of the old code's string.
#pragma once

#include "diff/pair.h"
#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// An error "diff.string-identity" for each piece of the output with a copy of a string that
//  - it compares with other pointers, where the original unit lets the address of the same string out, or
//  - it lets out, where the original unit compares the address of the same string.
std::vector<report::Finding> find_string_identity(const Pair& pair, const Selection& selection);

} // namespace klp::diff
