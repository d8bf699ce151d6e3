#include "rewrite/places.h"

#include "rewrite/lines.h"

namespace klp::rewrite {

namespace {

// The word behind the '#' of a directive: "include", "ifdef".
std::string_view directive_of(std::string_view line) {
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string_view::npos || line[hash] != '#')
        return {};
    const size_t begin = line.find_first_not_of(" \t", hash + 1);
    if (begin == std::string_view::npos)
        return {};
    return line.substr(begin, line.find_first_of(" \t\n<\"", begin) - begin);
}

} // namespace

size_t place_for_include(std::string_view text, size_t limit) {
    const Lines lines(text);
    size_t place = 0, depth = 0;
    for (size_t line = 0; line < lines.size() && lines.begin(line) < limit; ++line) {
        const std::string_view directive = directive_of(lines.text(line));
        if (directive.starts_with("if"))
            ++depth;
        else if (directive == "endif" && depth > 0)
            --depth;
        else if (directive == "include" && depth == 0)
            place = lines.end(line);
    }
    return place;
}

} // namespace klp::rewrite
