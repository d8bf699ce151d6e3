// Numbers that are put together with a constant in one function and taken apart with it in another.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace klp::source {

struct Encodings {
    std::set<std::string, std::less<>> makers; // functions that only put together: x << BITS, x * UNIT
    std::set<std::string, std::less<>> takers; // functions that only take apart: x >> BITS, x / UNIT
};

// Adds what the functions of `text`, a source file, do by any of `names`: a constant and those that are made of it.
// `1 << BITS` is a size, no number that is put together; what one function does in both ways is its own affair. Linear
// in the text; free for one that has none of the names.
void add_encodings(std::string_view text, const std::set<std::string, std::less<>>& names, Encodings& encodings);

} // namespace klp::source
