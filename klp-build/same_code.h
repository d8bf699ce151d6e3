// Functions whose source changes and whose code does not.
#pragma once

#include "changed_texts.h"

#include "kernel/compile.h"

#include <set>
#include <string>
#include <vector>

namespace klp::build {

// The functions that the compiled units have as such on both sides, with the same code in each unit that has one of
// that name. Where a function is compiled into others, or under another name, nothing is known of it.
std::set<std::string, std::less<>> same_code(const std::vector<kernel::ObjectPair>& pairs);

// Whether the change of a function's text is none of code: its own is the same, and that of all functions with another
// text that it calls, which count as a part of it where the sources are compared. False for a function whose own text
// is as it was.
bool is_same_in_code(const std::string& function, const ChangedTexts& texts,
                     const std::set<std::string, std::less<>>& same_code);

} // namespace klp::build
