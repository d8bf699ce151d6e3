// Which macros and inline functions a patch gives another text, told without preprocessing.
#pragma once

#include "source/patch.h"

#include <set>
#include <string>

namespace klp::source {

// Names of macros whose definition only one side has, and of functions that are on both sides with another text. What a
// condition leaves out counts as well. Linear in the texts.
std::set<std::string> touched_macros(const FileChange& change);

} // namespace klp::source
