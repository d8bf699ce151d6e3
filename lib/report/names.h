// Lists of names in messages.
#pragma once

#include <string>
#include <vector>

namespace klp::report {

// The first five, and how many there are beyond: "a, b, c, d, e and 3 more".
std::string first_of(const std::vector<std::string>& names);

} // namespace klp::report
