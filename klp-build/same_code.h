// Functions whose source changes and whose code does not.
#pragma once

#include "kernel/compile.h"

#include <set>
#include <string>
#include <vector>

namespace klp::build {

// The functions that the compiled units have as such on both sides, with the same code in each unit that has one of
// that name. Where a function is compiled into others, or under another name, nothing is known of it.
std::set<std::string, std::less<>> same_code(const std::vector<kernel::ObjectPair>& pairs);

} // namespace klp::build
