// Allocators that are told the size of what they make.
#pragma once

#include "source/words.h"

#include <string_view>
#include <vector>

namespace klp::source {

// Those arguments of a call that say how large the object is: `n` and `sizeof(*p)` of kcalloc(n, sizeof(*p), flags) and
// of kzalloc_objs(*p, n). Empty where the function is told no size, or nobody here knows which argument it is.
std::vector<std::vector<std::string_view>> size_arguments(std::string_view allocator,
                                                          const std::vector<Words>& arguments);

} // namespace klp::source
