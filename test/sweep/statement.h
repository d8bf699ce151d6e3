// Where one statement can be added to a C source, by the kernel's way of writing functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace klp::sweep {

// A statement may stand before `line` (from 1), in the outermost block of a function.
struct Place {
    std::string function;
    size_t line = 0;
};

// One place for each function whose braces stand at the beginning of a line, but for those that a live patch cannot
// replace by what their head says (__init, inline, notrace and their like) and those that a macro defines.
std::vector<Place> places_in(std::string_view text);

// A patch that adds a statement there: a no-op of the machine, which the compiler keeps and which changes no behaviour.
std::string patch_of(const std::string& path, std::string_view text, const Place& place);

} // namespace klp::sweep
