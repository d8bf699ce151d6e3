// How a number is computed, whatever the variables are called.
#pragma once

#include "source/words.h"

#include <string>

namespace klp::source {

// "# >> 1" of `( u64 ) v -> block >> 1`: operators, constants and calls, with "#" for each variable or access path.
std::string shape_of_number(Words expression);

// Whether two shapes differ in what is computed: not in which functions do it (a helper may do what was written out
// before), nor in what keeps speculation within an array. Byte orders and hashes count.
bool is_another_number(std::string_view one, std::string_view other);

} // namespace klp::source
