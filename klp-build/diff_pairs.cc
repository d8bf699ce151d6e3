// From pairs of objects to their differences: proof of origin first, then the differ with what the proof taught.
#include "pipeline.h"

#include "host/parallel.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::build {

namespace {

using proof::OriginStatus;

struct OpenPair {
    elf::Object original;
    elf::Object patched;
};

ProofSummary summarize(const proof::UnitOrigin& origin) {
    ProofSummary summary;
    summary.functions = origin.functions.size();
    summary.proven = origin.count(OriginStatus::proven);
    summary.overridden = origin.count(OriginStatus::overridden);
    return summary;
}

// A unit of which the image holds next to nothing is another unit: wrong source, configuration or compiler.
void require_origin(const kernel::Unit& unit, const elf::Object& object, const proof::UnitOrigin& origin,
                    const kernel::Target& target) {
    size_t foreign = origin.count(OriginStatus::different) + origin.count(OriginStatus::missing);
    if (foreign * 2 <= origin.functions.size())
        return;
    auto first = std::ranges::find_if(origin.functions, [](const proof::FunctionOrigin& function) {
        return function.status == OriginStatus::different || function.status == OriginStatus::missing;
    });
    throw report::Refusal(
        {"origin.foreign-unit", report::Severity::error, unit.source, std::string(object.symbol(first->symbol).name),
         fmt::format("{} of its {} functions are not in {} of {}: it was not built from this source, with this "
                     "configuration and compiler",
                     foreign, origin.functions.size(), unit.owner, target.release),
         "give the source, configuration and compiler that the running kernel was built from"});
}

// Every function that is to be replaced must be the one that the kernel runs.
void check_changed_functions(const Options& options, const kernel::Unit& unit, const elf::Object& original,
                             const proof::UnitOrigin& origin, UnitDiff& result) {
    for (const proof::FunctionOrigin& function : origin.functions) {
        std::string name(original.symbol(function.symbol).name);
        bool is_changed = std::ranges::any_of(result.diff.items, [&](const diff::Item& item) {
            return item.change == diff::Change::changed && item.kind == "function" && item.name == name;
        });
        if (!is_changed || function.status == OriginStatus::proven)
            continue;
        report::Finding finding{
            "origin.unproven",
            report::Severity::warning,
            unit.source,
            name,
            fmt::format("the image of {} does not hold this function as it was compiled", unit.owner),
            "check that source, configuration and compiler are the kernel's own"};
        // Other bytes under its name, or somebody else's function in its place: that is not what the kernel runs.
        if (options.require_proof || function.status != OriginStatus::ambiguous) {
            finding.severity = report::Severity::error;
            throw report::Refusal(finding);
        }
        result.diff.findings.push_back(finding);
    }
}

// The differ speaks of object files in a temporary folder; people know the unit by its source.
std::vector<report::Finding> by_source(std::vector<report::Finding> findings, const kernel::Unit& unit,
                                       const elf::Object& original, const elf::Object& patched) {
    for (report::Finding& finding : findings)
        if (finding.where == original.name() || finding.where == patched.name())
            finding.where = unit.source;
    return findings;
}

diff::Diff diff_unit(const kernel::Unit& unit, const elf::Object& original, const elf::Object& patched,
                     const diff::Options& options) {
    try {
        diff::Diff result = diff::run(original, patched, options);
        result.findings = by_source(std::move(result.findings), unit, original, patched);
        return result;
    } catch (const report::Refusal& refusal) {
        throw report::Refusal(by_source(refusal.findings(), unit, original, patched));
    }
}

// A unit that only the patch brings is compared with an empty one: all of it is new.
elf::Object open_original(const kernel::Pair& pair, const elf::Object& patched) {
    if (!pair.original.empty())
        return elf::Object::open(pair.original, pair.unit.source);
    return elf::Object::from_bytes("(new file)", elf::Builder::like(patched).bytes());
}

} // namespace

std::vector<UnitDiff> diff_pairs(const Options& options, const kernel::Target& target,
                                 const std::vector<kernel::Pair>& pairs, const Images& images) {
    std::vector<OpenPair> objects;
    std::set<std::string, std::less<>> provided;
    for (const kernel::Pair& pair : pairs) {
        elf::Object patched = elf::Object::open(pair.patched, pair.unit.source);
        elf::Object original = open_original(pair, patched);
        objects.push_back({std::move(original), std::move(patched)});
        for (std::string& name : diff::new_globals(objects.back().original, objects.back().patched))
            provided.insert(std::move(name));
    }
    std::vector<UnitDiff> results(pairs.size());
    arch::EntrySizes entry_sizes;
    entry_sizes.kernel = diff::entry_sizes_in(images.of("vmlinux").file());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) {
        const kernel::Unit& unit = pairs[at].unit;
        const elf::Object& original = objects[at].original;
        const proof::Image& owner = images.of(unit.owner);
        proof::UnitOrigin origin = proof::prove_origin(original, owner);
        require_origin(unit, original, origin, target);
        proof::OriginResolver resolver(origin, original, owner, images.of("vmlinux"), *images.exports());
        diff::Options diff_options;
        diff_options.owner = unit.owner;
        diff_options.resolver = &resolver;
        diff_options.is_provided = [&](std::string_view name) { return provided.contains(name); };
        diff_options.entry_sizes = entry_sizes;
        diff_options.explain = options.explain || !options.report.empty();
        UnitDiff& result = results[at];
        result = {unit, diff_unit(unit, original, objects[at].patched, diff_options), summarize(origin)};
        check_changed_functions(options, unit, original, origin, result);
    });
    return results;
}

} // namespace klp::build
