#include "report/layout_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::report {

namespace {

// So many rows at each end of a long run are shown.
constexpr std::ptrdiff_t shown_ends = 2;

const char* word_of(char sign) {
    switch (sign) {
    case '-':
        return "− removed";
    case '+':
        return "+ new";
    case '>':
        return "→ moved";
    case '!':
        return "≠ another";
    default:
        return "";
    }
}

const char* class_of(char sign) {
    switch (sign) {
    case '-':
        return "removed";
    case '+':
        return "added";
    case '!':
        return "other";
    default:
        return "same";
    }
}

Html cells(const LayoutCell& cell) {
    return element("td", {{"class", "number"}}, cell.place) + element("td", {{"class", "code"}}, cell.member);
}

Html row_view(const LayoutRow& row) {
    return element("tr", {{"class", class_of(row.sign)}},
                   cells(row.before) + element("td", {{"class", "sign"}}, word_of(row.sign)) + cells(row.after));
}

Html gap_view(std::ptrdiff_t count, char sign) {
    const std::string text = fmt::format("{} members {}", count, sign == '>' ? "that only move" : "the same");
    return element("tr", {{"class", "gap"}}, element("td", {{"colspan", "5"}}, "… " + text));
}

Html rows_view(const std::vector<LayoutRow>& rows) {
    Html view;
    for (auto run = rows.begin(); run != rows.end();) {
        const char sign = run->sign;
        auto end = std::find_if(run, rows.end(), [&](const LayoutRow& row) { return row.sign != sign; });
        const bool is_long = (sign == ' ' || sign == '>') && end - run > 2 * shown_ends + 1;
        for (auto row = run; row != end; ++row) {
            const bool is_hidden = is_long && row - run >= shown_ends && end - row > shown_ends;
            if (!is_hidden)
                view += row_view(*row);
            else if (row - run == shown_ends)
                view += gap_view(end - run - 2 * shown_ends, sign);
        }
        run = end;
    }
    return view;
}

Html heading(const char* side, uint64_t size) {
    return element("th", {{"colspan", "2"}, {"scope", "col"}}, fmt::format("{}: {} bytes", side, size));
}

} // namespace

Html layout_view(const LayoutTable& table) {
    const Html head =
        element("tr", heading("before", table.size_before) + element("th", "") + heading("after", table.size_after));
    return element("h3", {{"class", "code"}}, table.name) + element("p", {{"class", "place"}}, table.where) +
           element("table", {{"class", "layout"}}, element("thead", head) + element("tbody", rows_view(table.rows)));
}

} // namespace klp::report
