// What a patch does to the text of a file, as a diff to be read, whatever hunks the patch files had.
#pragma once

#include "report/line_diff.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

// Lines that differ, counted from 1; [old_begin, old_end) is empty for lines that were only added, before old_begin.
struct ChangedLines {
    size_t old_begin = 0, old_end = 0;
    size_t new_begin = 0, new_end = 0;
};

struct TextHunk {
    report::DiffBlock block;
    std::vector<ChangedLines> changes;
};

// `path` is for the headings. A file that is not there is an empty text.
std::vector<TextHunk> text_hunks(std::string_view path, std::string_view before, std::string_view after);

} // namespace klp::source
