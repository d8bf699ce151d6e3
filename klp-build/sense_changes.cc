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

std::vector<report::Finding> sense_pair(const kernel::ObjectPair& pair, const Images& images) {
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

} // namespace

void refuse_errors(const std::vector<report::Finding>& findings) {
    if (std::ranges::any_of(findings,
                            [](const report::Finding& finding) { return finding.severity == report::Severity::error; }))
        throw report::Refusal(findings);
}

std::vector<report::Finding> sense_changes(const Options& options, const std::vector<kernel::ObjectPair>& pairs,
                                           const Images& images, size_t reached) {
    std::vector<std::vector<report::Finding>> findings(pairs.size());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) { findings[at] = sense_pair(pairs[at], images); });
    std::vector<report::Finding> merged = merge(findings);
    for (report::Finding& finding : merged)
        if (pairs.size() < reached)
            finding.message += fmt::format("; the patch reaches {} units, of which {} was looked at first", reached,
                                           pairs.front().unit.source);
    refuse_errors(merged);
    return merged;
}

} // namespace klp::build
