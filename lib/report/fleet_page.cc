// The page about a fleet: a matrix that says in words and signs, not in colours, what became of each cell.
#include "report/fleet.h"
#include "report/html.h"
#include "report/style.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace klp::report {

namespace {

// How an outcome looks: a sign, words, and a class of the style sheet.
struct Look {
    const char* sign;
    const char* words;
    const char* kind;
};

const Look& look_of(const std::string& outcome) {
    static const std::map<std::string, Look> looks = {{"built", {"✓", "built", "done"}},
                                                      {"not-affected", {"=", "not affected", "nothing-changed"}},
                                                      {"refused", {"✗", "refused", "refused"}},
                                                      {"failed", {"!", "failed", "refused"}}};
    static const Look unfinished = {"…", "unfinished", "nothing-changed"};
    const auto found = looks.find(outcome);
    return found == looks.end() ? unfinished : found->second;
}

Html line(const Html& content) {
    return element("div", content);
}

Html cell_view(const FleetCell& cell) {
    const Look& look = look_of(cell.outcome);
    const Html word = element("span", {{"class", look.kind}}, fmt::format("{} {}", look.sign, look.words));
    Html view = line(cell.module.empty() ? word : element("a", {{"href", cell.folder + "/" + cell.module}}, word));
    std::vector<std::string> codes;
    for (const Finding& reason : cell.reasons)
        if (std::ranges::find(codes, reason.code) == codes.end())
            codes.push_back(reason.code);
    for (const std::string& code : codes)
        view += line(element("code", code));
    if (!cell.expected.empty() && !cell.is_as_expected)
        view += line(element("b", "expected: " + cell.expected));
    return view;
}

Html matrix(const FleetFacts& facts) {
    Html head = element("th", {{"scope", "col"}}, "patch");
    for (const FleetKernel& kernel : facts.kernels)
        head += element("th", {{"scope", "col"}}, kernel.label);
    Html rows;
    for (const std::string& patch : facts.patches) {
        Html row = element("th", {{"scope", "row"}}, patch);
        for (const FleetKernel& kernel : facts.kernels) {
            const auto cell = std::ranges::find_if(
                facts.cells, [&](const FleetCell& one) { return one.patch == patch && one.kernel == kernel.label; });
            row += element("td", cell == facts.cells.end() ? Html::text("–") : cell_view(*cell));
        }
        rows += element("tr", row);
    }
    return element("div", {{"style", "overflow-x: auto"}},
                   element("table", element("thead", element("tr", head)) + element("tbody", rows)));
}

std::string place_of(const FleetCell& cell) {
    return fmt::format("{} on {}", cell.patch, cell.kernel);
}

Html misses(const FleetFacts& facts) {
    Html list;
    for (const FleetCell& cell : facts.cells)
        if (!cell.is_as_expected)
            list += element("li", fmt::format("{}: {}{}", place_of(cell), look_of(cell.outcome).words,
                                              cell.expected.empty() ? "" : ", expected " + cell.expected));
    return list.is_empty() ? Html() : element("h2", "Not as expected") + element("ul", list);
}

Html group_view(const FleetGroup& group) {
    const Look& look = look_of(group.outcome);
    Html places;
    for (const FleetCell* cell : group.cells)
        places += element("li", place_of(*cell) + " ");
    Html inside = element("ul", places);
    for (const Finding& reason : group.cells.front()->reasons) {
        inside += element("p", reason.message);
        if (!reason.hint.empty())
            inside += element("p", element("b", "What to do: ") + Html::text(reason.hint));
    }
    return element(
        "details",
        element("summary", element("span", {{"class", look.kind}}, fmt::format("{} {}", look.sign, look.words)) +
                               Html::text(fmt::format(" {}: {} cell{}", group.what, group.cells.size(),
                                                      group.cells.size() == 1 ? "" : "s"))) +
            element("div", {{"class", "inside"}}, inside));
}

std::string lead_of(const FleetFacts& facts) {
    std::map<std::string, size_t> counts;
    for (const FleetCell& cell : facts.cells)
        ++counts[look_of(cell.outcome).words];
    std::string text = fmt::format("{} cells:", facts.cells.size());
    for (const auto& [words, count] : counts)
        text += fmt::format(" {} {},", count, words);
    text.back() = '.';
    return text;
}

Html head_of(const std::string& title) {
    return element(
        "head", void_element("meta", {{"charset", "utf-8"}}) +
                    void_element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}) +
                    void_element("meta", {{"http-equiv", "Content-Security-Policy"},
                                          {"content", "default-src 'none'; style-src 'unsafe-inline'"}}) +
                    element("title", "klp-build: " + title) + style_sheet());
}

} // namespace

std::string to_page(const FleetFacts& facts) {
    const std::string title = fmt::format("{} patches for {} kernels", facts.patches.size(), facts.kernels.size());
    const size_t missed = count_misses(facts);
    const Html status =
        missed == 0 ? element("span", {{"class", "status done"}}, "✓ all as expected")
                    : element("span", {{"class", "status refused"}}, fmt::format("✗ {} not as expected", missed));
    Html body = element("header", element("h1", title) + element("p", status) +
                                      element("p", {{"class", "lead"}}, lead_of(facts)));
    Html groups = element("h2", "The same result");
    for (const FleetGroup& group : groups_of(facts))
        groups += group_view(group);
    body += element("main", matrix(facts) + misses(facts) + groups);
    body += element("p", {{"class", "note"}}, "made by " + facts.tool);
    return document(element("html", {{"lang", "en"}}, head_of(title) + element("body", body))).markup();
}

} // namespace klp::report
