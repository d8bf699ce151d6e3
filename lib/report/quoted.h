// Text within a line.
#pragma once

#include <string>
#include <string_view>

namespace klp::report {

// A string as C writes it, in quotes, newlines and tabulators as \n and \t, quotes and backslashes escaped.
std::string quoted(std::string_view text);

} // namespace klp::report
