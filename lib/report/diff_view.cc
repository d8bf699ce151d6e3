#include "report/diff_view.h"

#include <fmt/format.h>

namespace klp::report {

namespace {

constexpr size_t most_lines = 400;

Html view_line(const DiffLine& line) {
    const Html text = Html::text(std::string(1, line.sign) + " " + line.text + "\n");
    if (line.sign == '-')
        return element("del", text);
    return line.sign == '+' ? element("ins", text) : text;
}

} // namespace

Html diff_view(const std::vector<DiffBlock>& blocks) {
    Html view;
    size_t shown = 0, left_out = 0;
    for (const DiffBlock& block : blocks) {
        Html lines;
        for (const DiffLine& line : block.lines) {
            if (shown < most_lines)
                lines += view_line(line);
            ++(shown < most_lines ? shown : left_out);
        }
        if (!lines.is_empty())
            view += element("p", {{"class", "place"}}, block.heading) + element("pre", {{"class", "diff"}}, lines);
    }
    if (left_out != 0)
        view += element("p", fmt::format("{} more lines are in the JSON report.", left_out));
    return view;
}

} // namespace klp::report
