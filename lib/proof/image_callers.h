// Who calls a function of the running kernel, and which of them a live patch can change.
#pragma once

#include "proof/image.h"

#include <string>
#include <vector>

namespace klp::proof {

struct Callers {
    std::vector<std::string> hookable; // by ftrace
    std::vector<std::string> others;
};

// The functions of a linked image that call, or jump to, the one at `location`: by name, sorted, as far as calls name
// what they call (arch/direct_calls.h). None for a module's image, and on machines other than x86-64. Linear in the
// image's code.
Callers find_callers(const Image& image, Location location);

} // namespace klp::proof
