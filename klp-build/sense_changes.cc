// What the patch does to data and callers that the running kernel has: known from a unit's two objects, before the
// differ looks at any of them, and of a patch that reaches many units from the first that shows it.
#include "pipeline.h"
#include "review.h"

#include "files/files.h"
#include "host/parallel.h"
#include "report/errors.h"
#include "report/finding.h"
#include "report/names.h"
#include "sense/sense.h"
#include "source/allocations.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

namespace klp::build {

namespace {

std::vector<report::Finding> sense_pair(const kernel::ObjectPair& pair, const Images& images, const Reach& reach) {
    if (pair.original.empty())
        return {}; // all of the unit is new
    sense::Options options;
    options.is_exported = [&](std::string_view name) { return images.exports()->find(name) != nullptr; };
    options.is_made = [&](std::string_view tag) {
        const std::filesystem::path file = reach.target.source / pair.unit.source;
        return !std::filesystem::is_regular_file(file) || source::may_make_objects(files::read_text(file), tag);
    };
    std::vector<report::Finding> findings = sense::compare(elf::Object::open(pair.original, pair.unit.source),
                                                           elf::Object::open(pair.patched, pair.unit.source), options);
    // It costs as much as a compilation: not for each of a thousand units, unless this is the last that is looked at.
    constexpr size_t few_units = 32;
    if (reach.sources.size() <= few_units || report::has_error(findings))
        std::ranges::move(sense_versions(reach.target, pair, findings, images), std::back_inserter(findings));
    return findings;
}

// A finding, the unit that it was seen in first, and how many others show it as well.
struct Seen {
    report::Finding finding;
    std::string unit;
    size_t others = 0;
};

// Units that include one header say the same of it.
std::vector<Seen> merge(const std::vector<kernel::ObjectPair>& pairs,
                        const std::vector<std::vector<report::Finding>>& all) {
    std::map<std::tuple<std::string, std::string, std::string>, size_t> places;
    std::vector<Seen> merged;
    for (size_t at = 0; at < pairs.size(); ++at)
        for (const report::Finding& finding : all[at]) {
            auto [place, is_new] = places.try_emplace({finding.code, finding.where, finding.function}, merged.size());
            if (is_new)
                merged.push_back({finding, pairs[at].unit.source, 0});
            else
                ++merged[place->second].others;
        }
    return merged;
}

// What only the sources know of a type: where its objects are made, and who else speaks of it.
std::string type_users(const Reach& reach, std::string_view tag, const std::string& seen_in) {
    std::vector<std::string> makers, speakers;
    for (const std::string& source : reach.sources) {
        const std::filesystem::path file = reach.target.source / source;
        if (!std::filesystem::is_regular_file(file))
            continue; // generated, or new
        const std::string text = files::read_text(file);
        for (const source::Allocation& allocation : source::allocations_of(text, tag))
            makers.push_back(fmt::format("{}:{} ({}())", source, allocation.line, allocation.function));
        if (source != seen_in && text.find(fmt::format("struct {} ", tag)) != text.npos)
            speakers.push_back(source);
    }
    std::string text;
    if (!makers.empty())
        text += fmt::format("; objects are made at {}", report::first_of(makers));
    if (!speakers.empty())
        text += fmt::format("; {} more source{} speak{} of it: {}", speakers.size(), speakers.size() == 1 ? "" : "s",
                            speakers.size() == 1 ? "s" : "", report::first_of(speakers));
    return text;
}

std::vector<report::Finding> findings_of(std::vector<Seen> merged, size_t looked_at, const Reach& reach) {
    std::vector<report::Finding> findings;
    for (Seen& seen : merged) {
        constexpr std::string_view structure = "struct ";
        if (seen.finding.code == "sense.layout-changed" && seen.finding.function.starts_with(structure))
            seen.finding.message += type_users(reach, seen.finding.function.substr(structure.size()), seen.unit);
        if (seen.others > 0)
            seen.finding.message +=
                fmt::format("; {} more unit{} of the patch see it", seen.others, seen.others == 1 ? "" : "s");
        if (looked_at < reach.sources.size())
            seen.finding.message +=
                fmt::format("; the patch reaches {} units, and in {} it was seen", reach.sources.size(), seen.unit);
        findings.push_back(std::move(seen.finding));
    }
    return findings;
}

} // namespace

void refuse_errors(const std::vector<report::Finding>& findings) {
    if (report::has_error(findings))
        throw report::Refusal(findings);
}

Reach reach_of(const kernel::Target& target, const kernel::Plan& plan) {
    Reach reach{target, {}};
    for (const kernel::UnitChange& change : plan.changes)
        reach.sources.push_back(change.patched.source);
    return reach;
}

std::vector<report::Finding> sense_changes(const Options& options, const std::vector<kernel::ObjectPair>& pairs,
                                           const Images& images, const Reach& reach, Review& review) {
    review.see_layouts(pairs);
    std::vector<std::vector<report::Finding>> all(pairs.size());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) { all[at] = sense_pair(pairs[at], images, reach); });
    const std::vector<report::Finding> findings = findings_of(merge(pairs, all), pairs.size(), reach);
    refuse_errors(findings);
    return findings;
}

} // namespace klp::build
