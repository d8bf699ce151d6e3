// The structures, unions and enumerations that a patch edits, by the text alone.
#pragma once

#include "source/patch.h"

#include <set>
#include <string>

namespace klp::source {

// The tags of those around a line that the patch brings, or from which it takes one away. "a" and "b" for a line within
// the inner braces of `struct a { struct b { int x; } y; };`. Nothing for a file that is new or removed.
std::set<std::string> touched_types(const FileChange& change);

} // namespace klp::source
