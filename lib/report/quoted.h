// Text within a line.
#pragma once

#include <string>
#include <string_view>

namespace klp::report {

// A string as C writes it, in quotes, newlines and tabulators as \n and \t, quotes and backslashes escaped,
// what is not printable in ASCII as \303: nothing of it gets to a terminal as it is.
std::string quoted(std::string_view text);

} // namespace klp::report
