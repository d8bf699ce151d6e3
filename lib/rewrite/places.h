// Where new lines of a C file go.
#pragma once

#include <cstddef>
#include <string_view>

namespace klp::rewrite {

// Behind the last #include that stands before `limit` and under no condition; the beginning of the file if there is
// none.
size_t place_for_include(std::string_view text, size_t limit);

} // namespace klp::rewrite
