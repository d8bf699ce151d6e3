// Functions whose own source the patch leaves alone.
#pragma once

#include "pipeline.h"

#include <string_view>

namespace klp::build {

// The patch changes nothing but the bodies of functions, and not that of `function` in `source`: where its code differs
// all the same, that comes from other functions, inlined into it for the most part. False where the texts do not tell.
bool is_untouched(std::string_view function, const std::string& source, const PatchedFiles& changes);

} // namespace klp::build
