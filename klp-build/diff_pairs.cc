// From proven pairs of objects to their differences: the differ with what the proof taught.
#include "origins.h"
#include "patch_names.h"
#include "pipeline.h"
#include "read_keys.h"
#include "untouched.h"

#include "host/parallel.h"
#include "kernel/untraced.h"
#include "proof/image_callers.h"
#include "proof/start_only.h"
#include "report/finding.h"
#include "sense/code.h"
#include "sense/conflicts.h"
#include "sense/constructors.h"
#include "sense/threads.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace klp::build {

namespace {

// What Rust code has of inline functions is called by nobody who can be changed.
std::string hint_for_rust(const report::Finding& finding, const std::string& source) {
    return fmt::format(
        "Rust code calls it, and is not made anew: make the change under a name that only C code calls; or, if Rust "
        "code can go on with what was, put KLP_IGNORE_FUNCTION({}) behind it in {}/ (<linux/livepatch_helpers.h>)",
        finding.function, std::filesystem::path(source).parent_path().string());
}

// The differ speaks of object files in a temporary folder; people know the unit by its source.
std::vector<report::Finding> by_source(std::vector<report::Finding> findings, const ProvenPair& pair) {
    for (report::Finding& finding : findings) {
        if (finding.where == pair.original.name() || finding.where == pair.patched.name())
            finding.where = pair.unit.source;
        if (pair.unit.source.starts_with("rust/") && finding.code == "diff.no-ftrace")
            finding.hint = hint_for_rust(finding, pair.unit.source);
    }
    return findings;
}

diff::Diff diff_objects(const ProvenPair& pair, const elf::Object& patched, const diff::Options& options) {
    try {
        diff::Diff result = diff::run(pair.original, patched, options);
        result.findings = by_source(std::move(result.findings), pair);
        return result;
    } catch (const report::Refusal& refusal) {
        throw report::Refusal(by_source(refusal.findings(), pair));
    }
}

// Compiles the unit once more where keys of a module are all that stands in the way.
diff::Diff diff_unit(const kernel::Target& target, const ProvenPair& pair, const diff::Options& options,
                     const std::filesystem::path& folder) {
    try {
        return diff_objects(pair, pair.patched, options);
    } catch (const report::Refusal& refusal) {
        std::vector<report::Finding> notes = keys_to_read(refusal.findings());
        const std::optional<elf::Object> reading =
            notes.empty() ? std::nullopt : compile_reading_keys(target, pair.unit, folder);
        if (!reading)
            throw;
        diff::Options again = options;
        again.compiled_alike = &pair.patched;
        diff::Diff result = diff_objects(pair, *reading, again);
        std::ranges::move(notes, std::back_inserter(result.findings));
        return result;
    }
}

// What the image says of each pair; they hold references to the pairs.
std::vector<std::unique_ptr<proof::OriginResolver>> resolvers_of(const std::vector<ProvenPair>& pairs,
                                                                 const Images& images) {
    std::vector<std::unique_ptr<proof::OriginResolver>> resolvers;
    for (const ProvenPair& pair : pairs)
        resolvers.push_back(std::make_unique<proof::OriginResolver>(
            pair.origin, pair.original, images.of(pair.unit.owner), images.of("vmlinux"), *images.exports()));
    return resolvers;
}

// What the changed functions are doing while the patch goes in.
std::vector<report::Finding> conflicts_of(const ProvenPair& pair, const diff::Diff& diff) {
    std::vector<std::string> changed;
    for (const diff::Item& item : diff.items)
        if (item.change == diff::Change::changed)
            changed.push_back(item.name);
    std::vector<report::Finding> findings = sense::find_conflicts(pair.unit.source, pair.original, changed);
    std::ranges::move(sense::find_thread_functions(pair.unit.source, pair.original, changed),
                      std::back_inserter(findings));
    std::ranges::move(sense::find_constructors(pair.unit.source, pair.original, changed), std::back_inserter(findings));
    return findings;
}

// Where a function is in the image, if that is proven.
std::optional<proof::Location> proven_place(const elf::Symbol& function, const ProvenPair& pair) {
    const proof::FunctionOrigin* origin = pair.origin.find(function.index);
    if (!origin || origin->status != proof::OriginStatus::proven)
        return std::nullopt;
    return origin->location;
}

diff::CallerNames callers_of(const elf::Symbol& function, const ProvenPair& pair, const Images& images) {
    const std::optional<proof::Location> place = proven_place(function, pair);
    if (!place)
        return {};
    proof::Callers callers = proof::find_callers(images.of(pair.unit.owner), *place);
    return {std::move(callers.hookable), std::move(callers.others)};
}

PatchNames names_of(const std::vector<ProvenPair>& pairs,
                    const std::vector<std::unique_ptr<proof::OriginResolver>>& resolvers, const Images& images) {
    std::vector<NamedUnit> units;
    for (size_t at = 0; at < pairs.size(); ++at)
        units.push_back({pairs[at].unit, pairs[at].original, pairs[at].patched, *resolvers[at]});
    return {units, images};
}

} // namespace

std::vector<UnitDiff> diff_pairs(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                                 const std::vector<ProvenPair>& pairs, const Images& images,
                                 const std::filesystem::path& folder) {
    const std::vector<std::unique_ptr<proof::OriginResolver>> resolvers = resolvers_of(pairs, images);
    const PatchNames names = names_of(pairs, resolvers, images);
    std::vector<UnitDiff> results(pairs.size());
    arch::EntrySizes entry_sizes;
    entry_sizes.kernel = diff::entry_sizes_in(images.of("vmlinux").file());
    host::parallel_for(pairs.size(), options.jobs, [&](size_t at) {
        const ProvenPair& pair = pairs[at];
        const PatchResolver resolver(*resolvers[at], names, pair.unit.owner);
        diff::Options diff_options;
        diff_options.owner = pair.unit.owner;
        diff_options.resolver = &resolver;
        diff_options.is_provided = [&](std::string_view name) { return names.is_provided(pair.unit.owner, name); };
        diff_options.is_untouched = [&](std::string_view function) {
            return is_untouched(sense::source_name(function), pair.unit.source, changes);
        };
        diff_options.untraced_by = kernel::untraced_by(target, pair.unit);
        diff_options.callers_of = [&](const elf::Symbol& symbol) { return callers_of(symbol, pair, images); };
        diff_options.is_used_only_at_start = [&](const elf::Symbol& symbol) {
            const std::optional<proof::Location> place = proven_place(symbol, pair);
            return place && proof::is_used_only_at_start(images.of(pair.unit.owner), *place);
        };
        diff_options.entry_sizes = entry_sizes;
        diff_options.explain = options.explain || !options.report.empty();
        diff_options.review = !options.report.empty();
        UnitDiff& result = results[at];
        result = {pair.unit, diff_unit(target, pair, diff_options, folder / fmt::format("keys-{}", at)),
                  summarize(pair)};
        std::vector<report::Finding> conflicts = conflicts_of(pair, result.diff);
        result.diff.findings.insert(result.diff.findings.end(), conflicts.begin(), conflicts.end());
        std::vector<report::Finding> doubts = check_proof(options, pair, result.diff);
        result.diff.findings.insert(result.diff.findings.end(), doubts.begin(), doubts.end());
        if (!result.diff.nothing_changed)
            result.diff.output = names.with_own_names(pair.unit.owner, std::move(result.diff.output));
    });
    return results;
}

} // namespace klp::build
