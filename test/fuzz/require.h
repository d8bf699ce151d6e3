// What must hold whatever the input: the target fails if it does not.
#pragma once

#include <cstdlib>

namespace klp::fuzz {

inline void require(bool holds) {
    if (!holds)
        std::abort();
}

} // namespace klp::fuzz
