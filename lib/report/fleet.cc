#include "report/fleet.h"

#include "report/json.h"

#include <algorithm>
#include <set>

namespace klp::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

std::string what_of(const FleetCell& cell) {
    if (!cell.sha256.empty())
        return cell.sha256;
    std::set<std::string> reasons;
    for (const Finding& reason : cell.reasons)
        reasons.insert(reason.code + (reason.function.empty() ? "" : " (" + reason.function + ")"));
    std::string text;
    for (const std::string& reason : reasons)
        text += (text.empty() ? "" : ", ") + reason;
    return text;
}

Json from_cell(const FleetCell& cell) {
    Json json = {{"kernel", cell.kernel}, {"patch", cell.patch}, {"outcome", cell.outcome}};
    if (!cell.expected.empty())
        json["expected"] = cell.expected;
    json["as_expected"] = cell.is_as_expected;
    json["folder"] = cell.folder;
    if (!cell.module.empty()) {
        json["module"] = cell.module;
        json["sha256"] = cell.sha256;
    }
    if (!cell.reasons.empty())
        json["reasons"] = to_json(cell.reasons);
    return json;
}

Json from_group(const FleetGroup& group) {
    Json json = {{"outcome", group.outcome}};
    if (!group.what.empty())
        json["what"] = group.what;
    json["cells"] = Json::array();
    for (const FleetCell* cell : group.cells)
        json["cells"].push_back({{"kernel", cell->kernel}, {"patch", cell->patch}});
    return json;
}

} // namespace

std::vector<FleetGroup> groups_of(const FleetFacts& facts) {
    std::vector<FleetGroup> groups;
    for (const FleetCell& cell : facts.cells) {
        const std::string what = what_of(cell);
        const auto same = std::ranges::find_if(
            groups, [&](const FleetGroup& group) { return group.outcome == cell.outcome && group.what == what; });
        if (same == groups.end())
            groups.push_back({cell.outcome, what, {&cell}});
        else
            same->cells.push_back(&cell);
    }
    std::ranges::stable_sort(groups, std::ranges::greater(),
                             [](const FleetGroup& group) { return group.cells.size(); });
    return groups;
}

size_t count_misses(const FleetFacts& facts) {
    return static_cast<size_t>(std::ranges::count(facts.cells, false, &FleetCell::is_as_expected));
}

Json to_json(const FleetFacts& facts) {
    Json json = {{"schema", schema_version}, {"tool", facts.tool},       {"as_expected", count_misses(facts) == 0},
                 {"kernels", Json::array()}, {"patches", facts.patches}, {"cells", Json::array()},
                 {"groups", Json::array()}};
    for (const FleetKernel& kernel : facts.kernels) {
        Json one = {{"label", kernel.label}};
        if (!kernel.release.empty())
            one["release"] = kernel.release;
        json["kernels"].push_back(one);
    }
    for (const FleetCell& cell : facts.cells)
        json["cells"].push_back(from_cell(cell));
    for (const FleetGroup& group : groups_of(facts))
        json["groups"].push_back(from_group(group));
    return json;
}

} // namespace klp::report
