#include "report/page_functions.h"

#include "report/diff_view.h"
#include "report/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace klp::report {

namespace {

bool is_shown(const Piece& piece) {
    return piece.kind == "function" && piece.change != "included";
}

std::string why(const Piece& piece) {
    if (!piece.cause.empty())
        return piece.cause + (piece.place.empty() ? "" : fmt::format(" ({})", piece.place));
    if (!piece.because.empty())
        return "needed by " + piece.because.front();
    return piece.is_global ? "other units may need it" : "";
}

Html summary_of(const UnitFacts& unit, const Piece& piece) {
    const std::string reason = why(piece);
    const std::string what =
        fmt::format("{}: {}{}{} bytes, {}", piece.change, reason, reason.empty() ? "" : ", ", piece.size, unit.source);
    return element("summary",
                   element("span", {{"class", "name"}}, piece.name) + element("span", {{"class", "what"}}, what));
}

Html source_of(const Piece& piece) {
    if (piece.source.empty())
        return element("p", {{"class", "note"}},
                       "No line of the patch is in its code: what it uses is another (see why above, and the patch).");
    return diff_view(piece.source);
}

Html code_of(const Piece& piece) {
    if (piece.code.empty())
        return element("p", {{"class", "note"}}, "Its machine code is the same.");
    const std::string what = fmt::format("{} of {} bytes", piece.change == "new" ? "all" : "what differs", piece.size);
    return element("details",
                   element("summary", element("b", "Machine code") + element("span", {{"class", "what"}}, what)) +
                       diff_view(piece.code));
}

Html users_of(const Piece& piece) {
    if (piece.change != "changed")
        return {};
    std::string text =
        piece.users.empty() ? "nobody else in its unit" : fmt::format("{} in its unit", fmt::join(piece.users, ", "));
    text += piece.is_global ? "; other units may: it is global." : ".";
    return element("p", element("b", "Calls it, or has its address: ") + Html::text(text));
}

// The place is inside of what is folded: browsers unfold it for who follows a link.
Html function_view(const UnitFacts& unit, size_t number, size_t at) {
    const Piece& piece = unit.pieces[at];
    const Html inside = users_of(piece) + element("h4", "Source") + source_of(piece) + code_of(piece);
    return summary_of(unit, piece) + element("div", {{"class", "inside"}, {"id", anchor_of(number, at)}}, inside);
}

// So few are read at once.
constexpr size_t few_functions = 2;

size_t count_shown(const Facts& facts) {
    size_t number = 0;
    for (const UnitFacts& unit : facts.units)
        number += static_cast<size_t>(std::ranges::count_if(unit.pieces, is_shown));
    return number;
}

} // namespace

Html functions_view(const Facts& facts) {
    std::map<std::string, Html> objects;
    const bool is_folded = count_shown(facts) > few_functions;
    for (size_t unit = 0; unit < facts.units.size(); ++unit)
        for (size_t at = 0; at < facts.units[unit].pieces.size(); ++at)
            if (is_shown(facts.units[unit].pieces[at]))
                objects[facts.units[unit].object] +=
                    is_folded ? element("details", function_view(facts.units[unit], unit, at))
                              : element("details", {{"open", ""}}, function_view(facts.units[unit], unit, at));
    Html view;
    for (const auto& [object, functions] : objects)
        view += element("h3", object == "vmlinux" ? object : "module " + object) + functions;
    return view;
}

Html patch_view(const Facts& facts) {
    Html view;
    const bool is_folded = count_shown(facts) != 0; // its parts are shown with the functions
    for (const File& file : facts.files) {
        const Html summary = element("summary", element("span", {{"class", "name"}}, file.path) +
                                                    element("span", {{"class", "what"}}, file.kind));
        const Html inside = summary + element("div", {{"class", "inside"}}, diff_view(file.diff));
        view += is_folded ? element("details", inside) : element("details", {{"open", ""}}, inside);
    }
    return view;
}

} // namespace klp::report
