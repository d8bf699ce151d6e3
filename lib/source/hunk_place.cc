#include "source/hunk_place.h"

#include <algorithm>

namespace klp::source {

namespace {

constexpr size_t max_fuzz = 2; // patch(1)'s default

bool matches(const Lines& file, const Pattern& pattern, size_t at, size_t front, size_t back) {
    if (at > file.size() || pattern.lines.size() > file.size() - at)
        return false;
    for (size_t i = front; i + back < pattern.lines.size(); ++i)
        if (!is_same(file[at + i], *pattern.lines[i]))
            return false;
    return true;
}

// Is there anything but blank lines between the ignored ends? What is left would fit nearly anywhere.
bool says_something(const Pattern& pattern, size_t front, size_t back) {
    for (size_t i = front; i + back < pattern.lines.size(); ++i)
        if (pattern.lines[i]->text.find_first_not_of(" \t\r") != std::string::npos)
            return true;
    return false;
}

// With one amount of fuzz: at the expected place, then around it with growing distance, but not before `first`.
std::optional<Place> find_with_fuzz(const Lines& file, const Hunk& hunk, const Pattern& pattern, size_t first,
                                    size_t expected, size_t fuzz) {
    const size_t context = std::max(pattern.leading, pattern.trailing);
    // The shorter of the two contexts was cut by an end of the file and loses lines only after the longer one did.
    const size_t missing_front = context - pattern.leading, missing_back = context - pattern.trailing;
    const size_t front = fuzz > missing_front ? fuzz - missing_front : 0;
    const size_t back = fuzz > missing_back ? fuzz - missing_back : 0;
    if (fuzz > 0 && !says_something(pattern, front, back))
        return std::nullopt;
    const auto place_if_match = [&](size_t at) -> std::optional<Place> {
        if (at < first || !matches(file, pattern, at, front, back))
            return std::nullopt;
        return Place{at, front, back, fuzz};
    };
    if (pattern.lines.empty())
        return place_if_match(std::max(first, std::min(expected, file.size())));
    if (missing_front > fuzz && hunk.old_start <= 1)
        return place_if_match(0);
    if (missing_back > fuzz)
        return pattern.lines.size() <= file.size() ? place_if_match(file.size() - pattern.lines.size()) : std::nullopt;
    expected = std::min(expected, file.size());
    for (size_t distance = 0; distance <= file.size(); ++distance) {
        if (const auto place = place_if_match(expected + distance))
            return place;
        if (distance > 0 && distance <= expected)
            if (const auto place = place_if_match(expected - distance))
                return place;
    }
    return std::nullopt;
}

Hunk flipped(const Hunk& hunk) {
    PatchText one;
    one.files.emplace_back().hunks.push_back(hunk);
    return reversed(one).files.front().hunks.front();
}

} // namespace

std::string_view without_return(std::string_view text) {
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

bool is_same(const Line& line, const HunkLine& wanted) {
    return line.text == wanted.text || without_return(line.text) == without_return(wanted.text);
}

Lines split(std::string_view text) {
    Lines lines;
    lines.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const bool has_newline = end != std::string_view::npos;
        lines.push_back({text.substr(0, end), static_cast<uint32_t>(lines.size() + 1), has_newline});
        text.remove_prefix(has_newline ? end + 1 : text.size());
    }
    return lines;
}

std::string join(const Lines& lines) {
    size_t size = 0;
    for (const Line& line : lines)
        size += line.text.size() + 1;
    std::string text;
    text.reserve(size);
    for (size_t i = 0; i < lines.size(); ++i) {
        text += lines[i].text;
        if (lines[i].has_newline || i + 1 < lines.size())
            text += '\n';
    }
    return text;
}

Pattern::Pattern(const Hunk& hunk) {
    for (const HunkLine& line : hunk.lines)
        if (line.kind != '+')
            lines.push_back(&line);
    const auto is_change = [](const HunkLine& line) { return line.kind != ' '; };
    leading = static_cast<size_t>(std::find_if(hunk.lines.begin(), hunk.lines.end(), is_change) - hunk.lines.begin());
    trailing =
        static_cast<size_t>(std::find_if(hunk.lines.rbegin(), hunk.lines.rend(), is_change) - hunk.lines.rbegin());
}

size_t named_place(const Hunk& hunk) {
    return hunk.old_count > 0 ? hunk.old_start - 1 : hunk.old_start;
}

std::optional<Place> find_place(const Lines& file, const Hunk& hunk, size_t first, size_t expected) {
    const Pattern pattern(hunk);
    const size_t limit = std::min(max_fuzz, std::max(pattern.leading, pattern.trailing));
    for (size_t fuzz = 0; fuzz <= limit; ++fuzz)
        if (const auto place = find_with_fuzz(file, hunk, pattern, first, expected, fuzz))
            return place;
    return std::nullopt;
}

bool is_already_applied(const Lines& file, const std::vector<Hunk>& hunks) {
    size_t first = 0;
    for (const Hunk& hunk : hunks) {
        const Hunk back = flipped(hunk);
        const Pattern pattern(back);
        if (pattern.lines.size() <= pattern.leading + pattern.trailing && back.new_count <= back.old_count)
            return false; // only context is left to look for: it would prove nothing
        const auto place = find_with_fuzz(file, back, pattern, first, std::max(first, named_place(back)), 0);
        if (!place)
            return false;
        first = place->at + pattern.lines.size();
    }
    return !hunks.empty();
}

} // namespace klp::source
