// From proven pairs of objects to their differences: the differ with what the proof taught.
#include "origins.h"
#include "pipeline.h"

#include "host/parallel.h"
#include "report/finding.h"

#include <set>

namespace klp::build {

namespace {

// The differ speaks of object files in a temporary folder; people know the unit by its source.
std::vector<report::Finding> by_source(std::vector<report::Finding> findings, const ProvenPair& pair) {
    for (report::Finding& finding : findings)
        if (finding.where == pair.original.name() || finding.where == pair.patched.name())
            finding.where = pair.unit.source;
    return findings;
}

diff::Diff diff_unit(const ProvenPair& pair, const diff::Options& options) {
    try {
        diff::Diff result = diff::run(pair.original, pair.patched, options);
        result.findings = by_source(std::move(result.findings), pair);
        return result;
    } catch (const report::Refusal& refusal) {
        throw report::Refusal(by_source(refusal.findings(), pair));
    }
}

std::set<std::string, std::less<>> new_globals(const std::vector<ProvenPair>& pairs) {
    std::set<std::string, std::less<>> names;
    for (const ProvenPair& pair : pairs)
        for (std::string& name : diff::new_globals(pair.original, pair.patched))
            names.insert(std::move(name));
    return names;
}

} // namespace

std::vector<UnitDiff> diff_pairs(const Options& options, const std::vector<ProvenPair>& pairs, const Images& images) {
    const std::set<std::string, std::less<>> provided = new_globals(pairs);
    std::vector<UnitDiff> results(pairs.size());
    arch::EntrySizes entry_sizes;
    entry_sizes.kernel = diff::entry_sizes_in(images.of("vmlinux").file());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) {
        const ProvenPair& pair = pairs[at];
        proof::OriginResolver resolver(pair.origin, pair.original, images.of(pair.unit.owner), images.of("vmlinux"),
                                       *images.exports());
        diff::Options diff_options;
        diff_options.owner = pair.unit.owner;
        diff_options.resolver = &resolver;
        diff_options.is_provided = [&](std::string_view name) { return provided.contains(name); };
        diff_options.entry_sizes = entry_sizes;
        diff_options.explain = options.explain || !options.report.empty();
        UnitDiff& result = results[at];
        result = {pair.unit, diff_unit(pair, diff_options), summarize(pair)};
        std::vector<report::Finding> doubts = check_proof(options, pair, result.diff);
        result.diff.findings.insert(result.diff.findings.end(), doubts.begin(), doubts.end());
    });
    return results;
}

} // namespace klp::build
