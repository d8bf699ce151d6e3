// Locks of one array or type, which are told apart by their number or address only.
#pragma once

#include <string>
#include <string_view>

namespace klp::source {

// What a function takes two of, if it takes them in the opposite order after the patch; empty if it does not:
//
//     if (a > b) swap(a, b);  lock(&t[a]);  lock(&t[b]);		if (a < b) swap(a, b);  lock(&t[a]);
//     lock(&t[b]);
//
// Both are its tokens (function_texts.h).
std::string taken_the_other_way(std::string_view before, std::string_view after);

} // namespace klp::source
