#include "statement.h"

#include "files/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace klp::sweep {

namespace {

bool is_word_part(char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) || letter == '_';
}

// The head of the function whose '{' is at `brace`: the lines before it up to what ends something else.
std::string head_of(const std::vector<std::string_view>& lines, size_t brace) {
    size_t first = brace;
    while (first > 0) {
        const std::string_view line = lines[first - 1];
        if (line.empty() || line.front() == '#' || line.ends_with(';') || line.ends_with('}') || line.ends_with("*/"))
            break;
        --first;
    }
    std::string head;
    for (size_t at = first; at < brace; ++at)
        head.append(lines[at]).push_back('\n');
    return head;
}

// The word before the first parenthesis; nothing where it is written like a macro's.
std::optional<std::string> name_in(std::string_view head) {
    size_t end = head.find('(');
    if (end == std::string_view::npos)
        return std::nullopt;
    while (end > 0 && std::isspace(static_cast<unsigned char>(head[end - 1])))
        --end;
    size_t begin = end;
    while (begin > 0 && is_word_part(head[begin - 1]))
        --begin;
    const std::string_view name = head.substr(begin, end - begin);
    if (name.empty() || name == head.substr(0, end) ||
        std::ranges::any_of(name, [](unsigned char letter) { return std::isupper(letter); }))
        return std::nullopt;
    return std::string(name);
}

bool is_out_of_reach(std::string_view head) {
    constexpr std::array words{"__init", "__exit",    "inline", "notrace", "noinstr",
                               "__head", "__meminit", "__ref",  "__bpf",   "__cpuidle"};
    return std::ranges::any_of(words, [&](const char* word) { return head.find(word) != std::string_view::npos; });
}

// The line in (brace, end] before which a statement may stand: after a whole statement, before the last return or
// the end.
size_t line_for(const std::vector<std::string_view>& lines, size_t brace, size_t end) {
    for (size_t at = end; at > brace + 1; --at) {
        const bool is_return = lines[at].starts_with("\treturn");
        if (!is_return && at != end)
            continue;
        size_t before = at - 1;
        while (before > brace && lines[before].empty())
            --before;
        const std::string_view line = lines[before];
        if (before > brace && !line.starts_with("\treturn") && (line.ends_with(';') || line.ends_with('}')))
            return at;
    }
    return 0;
}

} // namespace

std::vector<Place> places_in(std::string_view text) {
    const std::vector<std::string_view> lines = files::lines_of(text);
    std::vector<Place> places;
    for (size_t brace = 1; brace < lines.size(); ++brace) {
        if (lines[brace] != "{")
            continue;
        const size_t end = static_cast<size_t>(
            std::ranges::find(lines.begin() + static_cast<std::ptrdiff_t>(brace), lines.end(), std::string_view("}")) -
            lines.begin());
        const std::string head = head_of(lines, brace);
        const std::optional<std::string> name = name_in(head);
        const size_t at = end < lines.size() && name && !is_out_of_reach(head) ? line_for(lines, brace, end) : 0;
        if (at != 0)
            places.push_back({*name, at + 1});
        brace = std::min(end, lines.size());
    }
    return places;
}

std::string patch_of(const std::string& path, std::string_view text, const Place& place) {
    const std::vector<std::string_view> lines = files::lines_of(text);
    constexpr size_t context = 3;
    const size_t at = place.line - 1;
    const size_t first = at - std::min(at, context);
    const size_t last = std::min(lines.size(), at + context);
    std::string patch =
        fmt::format("--- a/{0}\n+++ b/{0}\n@@ -{1},{2} +{1},{3} @@\n", path, first + 1, last - first, last - first + 1);
    for (size_t line = first; line < last; ++line) {
        if (line == at)
            patch += "+\tasm volatile(\"nop\");\n";
        patch += fmt::format(" {}\n", lines[line]);
    }
    return patch;
}

} // namespace klp::sweep
