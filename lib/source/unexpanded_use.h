// The quick answer to whether a unit uses what changed in a header.
#pragma once

#include "source/preprocess.h"

namespace klp::source {

// True only if uses_change() (change_use.h) would say no of the same unit with its macros expanded. A macro counts as
// what speaks of all that its definitions speak of; a name that ## may put together of the words at hand counts as
// spoken of. False as soon as something that the patch reaches cannot be told without expanding: a declaration that a
// macro makes, or one that makes code.
bool is_surely_unused(const UnexpandedUnit& before, const UnexpandedUnit& after);

} // namespace klp::source
