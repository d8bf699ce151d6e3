// What differs between two lists of lines: of a source file, of a function's instructions, of a structure's members.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace klp::report {

// A line as people read it in a diff.
struct DiffLine {
    char sign = ' '; // ' ' on both sides, '-' only before, '+' only after
    std::string text;

    bool operator==(const DiffLine&) const = default;
};

// A difference with some of what stands around it.
struct DiffBlock {
    std::string heading; // where it is: "lines 10 to 17", "version_proc_show+0x10"
    std::vector<DiffLine> lines;
};

// One step of the way from the one list to the other: of ' ' both indices count, of '-' `before`, of '+' `after`; the
// other one is where the step is on that side.
struct Edit {
    char sign = ' ';
    size_t before = 0;
    size_t after = 0;

    bool operator==(const Edit&) const = default;
};

// A shortest way, removed lines first: "abc" to "xbd" is -a +x (b) -c +d. Two lists with more than about two thousand
// different lines are said to have none in common but their beginnings and ends. E. Myers, "An O(ND) Difference
// Algorithm and Its Variations", Algorithmica 1 (1986).
std::vector<Edit> compare_lines(std::span<const std::string> before, std::span<const std::string> after);

// A part of a list of edits, [begin, end).
struct EditRange {
    size_t begin = 0;
    size_t end = 0;
};

// The parts that hold differences, each with up to `context` equal lines before and behind; parts that touch are one.
std::vector<EditRange> differing_parts(std::span<const Edit> edits, size_t context);

} // namespace klp::report
