// Private to this room: a file as lines, and the place in it that a hunk means.
#pragma once

#include "source/patch.h"

namespace klp::source {

struct Line {
    std::string_view text; // without the newline
    uint32_t origin = 0;   // its number in the unpatched file, 0: new
    bool has_newline = true;
};
using Lines = std::vector<Line>;

// A line without the CR of a CRLF.
std::string_view without_return(std::string_view text);
bool is_same(const Line& line, const HunkLine& wanted);

Lines split(std::string_view text);
std::string join(const Lines& lines);

// The old side of a hunk, and how much context it has at its ends.
struct Pattern {
    explicit Pattern(const Hunk& hunk);

    std::vector<const HunkLine*> lines;
    size_t leading = 0, trailing = 0;
};

struct Place {
    size_t at = 0;
    size_t skipped_front = 0, skipped_back = 0; // lines of context not looked at
    size_t fuzz = 0;
};

// Where the patch says the old side begins, as an index; for an insertion the line stands before the place.
size_t named_place(const Hunk& hunk);

// The hunk's place at `expected` or around it, but not before the line `first`, with as little fuzz as there must be.
std::optional<Place> find_place(const Lines& file, const Hunk& hunk, size_t first, size_t expected);

// Every hunk's result is in the file already, each behind the one before.
bool is_already_applied(const Lines& file, const std::vector<Hunk>& hunks);

} // namespace klp::source
