#include "source/text_diff.h"

#include <fmt/format.h>

namespace klp::source {

namespace {

constexpr size_t context = 3;

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

std::vector<ChangedLines> changes_in(std::span<const report::Edit> edits) {
    std::vector<ChangedLines> changes;
    bool is_open = false;
    for (const report::Edit& edit : edits) {
        if (edit.sign != ' ') {
            if (!is_open)
                changes.push_back({edit.before + 1, edit.before + 1, edit.after + 1, edit.after + 1});
            changes.back().old_end += edit.sign == '-';
            changes.back().new_end += edit.sign == '+';
        }
        is_open = edit.sign != ' ';
    }
    return changes;
}

} // namespace

std::vector<TextHunk> text_hunks(std::string_view path, std::string_view before, std::string_view after) {
    const std::vector<std::string> old_lines = lines_of(before), new_lines = lines_of(after);
    const std::vector<report::Edit> edits = report::compare_lines(old_lines, new_lines);
    std::vector<TextHunk> hunks;
    for (const report::EditRange& part : report::differing_parts(edits, context)) {
        TextHunk hunk;
        const std::span<const report::Edit> inner = std::span(edits).subspan(part.begin, part.end - part.begin);
        hunk.block.heading = fmt::format("{}, line {}", path, inner.front().after + 1);
        for (const report::Edit& edit : inner)
            hunk.block.lines.push_back({edit.sign, edit.sign == '+' ? new_lines[edit.after] : old_lines[edit.before]});
        hunk.changes = changes_in(inner);
        hunks.push_back(std::move(hunk));
    }
    return hunks;
}

} // namespace klp::source
