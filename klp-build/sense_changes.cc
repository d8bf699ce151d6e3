// What the patch does to data and callers that the running kernel has: known from a unit's two objects, before the
// differ looks at any of them, and of a patch that reaches many units from the first that shows it.
#include "pipeline.h"

#include "host/parallel.h"
#include "report/finding.h"
#include "sense/sense.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace klp::build {

namespace {

// Up to as many units are compiled before the others: a wrong guess costs little beside what follows.
constexpr size_t most_first = 3;
constexpr size_t few_units = 8;

std::vector<report::Finding> sense_pair(const kernel::Pair& pair, const Images& images) {
    if (pair.original.empty())
        return {}; // all of the unit is new
    sense::Options options;
    options.is_exported = [&](std::string_view name) { return images.exports()->find(name) != nullptr; };
    return sense::compare(elf::Object::open(pair.original, pair.unit.source),
                          elf::Object::open(pair.patched, pair.unit.source), options);
}

// Units that include one header say the same of it.
std::vector<report::Finding> merge(const std::vector<std::vector<report::Finding>>& all) {
    std::map<std::tuple<std::string, std::string, std::string>, size_t> places;
    std::vector<report::Finding> merged;
    std::vector<size_t> counts;
    for (const std::vector<report::Finding>& findings : all)
        for (const report::Finding& finding : findings) {
            auto [place, is_new] = places.try_emplace({finding.code, finding.where, finding.function}, merged.size());
            if (is_new) {
                merged.push_back(finding);
                counts.push_back(0);
            } else {
                ++counts[place->second];
            }
        }
    for (size_t at = 0; at < merged.size(); ++at)
        if (counts[at] > 0)
            merged[at].message +=
                fmt::format("; {} more unit{} of the patch see it", counts[at], counts[at] == 1 ? "" : "s");
    return merged;
}

void refuse_errors(const std::vector<report::Finding>& findings) {
    if (std::ranges::any_of(findings,
                            [](const report::Finding& finding) { return finding.severity == report::Severity::error; }))
        throw report::Refusal(findings);
}

// The likeliest to use what the patch changes: its own sources, then those that are named as its headers are.
std::vector<kernel::UnitChange> first_units(const kernel::Plan& plan, const Changes& changes) {
    auto rank = [&](const kernel::UnitChange& change) {
        const std::string& source = change.patched.source;
        if (std::ranges::any_of(changes.files, [&](const auto& file) { return file.path == source; }))
            return 0;
        const std::filesystem::path stem = std::filesystem::path(source).stem();
        return std::ranges::any_of(changes.files,
                                   [&](const auto& file) { return std::filesystem::path(file.path).stem() == stem; })
                   ? 1
                   : 2;
    };
    std::vector<std::pair<int, const kernel::UnitChange*>> ranked;
    for (const kernel::UnitChange& change : plan.changes)
        if (!change.is_new())
            ranked.emplace_back(rank(change), &change);
    std::ranges::stable_sort(ranked, {}, [](const auto& entry) { return entry.first; });
    std::vector<kernel::UnitChange> first;
    for (const auto& [order, change] : ranked)
        if (first.size() < most_first)
            first.push_back(*change);
    return first;
}

} // namespace

void refuse_early(const Options& options, const kernel::Target& target, const kernel::Plan& plan,
                  const Changes& changes, const kernel::PatchedTree& tree, const Images& images,
                  const std::filesystem::path& folder) {
    if (plan.changes.size() <= few_units)
        return;
    size_t number = 0;
    for (const kernel::UnitChange& change : first_units(plan, changes)) {
        std::vector<kernel::Pair> pairs = kernel::compile_pairs(
            target, {change}, tree.root(), folder / fmt::format("first-{}", number++), options.jobs);
        std::vector<report::Finding> findings = sense_pair(pairs.front(), images);
        for (report::Finding& finding : findings)
            if (finding.severity == report::Severity::error)
                finding.message += fmt::format("; the patch reaches {} units, of which {} was looked at first",
                                               plan.changes.size(), change.patched.source);
        refuse_errors(findings);
    }
}

std::vector<report::Finding> sense_changes(const Options& options, const std::vector<kernel::Pair>& pairs,
                                           const Images& images) {
    std::vector<std::vector<report::Finding>> findings(pairs.size());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) { findings[at] = sense_pair(pairs[at], images); });
    std::vector<report::Finding> merged = merge(findings);
    refuse_errors(merged);
    return merged;
}

} // namespace klp::build
