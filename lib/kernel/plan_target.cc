// Planning for a kernel that is there: what plan.h asks of the world, answered by kbuild and the compiler.
#include "host/process.h"
#include "kernel/includes.h"
#include "kernel/plan.h"
#include "kernel/shadow.h"

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// kbuild's dry run of one folder of the patched tree, in the target's own build directory: it writes nothing.
std::vector<BuildUnit> list_patched_units(const Target& target, const fs::path& patched_source,
                                          const std::string& folder) {
    Kbuild kbuild = kbuild_of(target);
    std::vector<std::string> goals = {folder};
    if (is_out_of_tree(target))
        goals = {"M=" + patched_source.string(), "modules"};
    else
        kbuild.source = patched_source;
    const host::Outcome outcome = host::run(dry_run_command(kbuild, goals, 1));
    std::vector<BuildUnit> units = parse_dry_run(outcome.output, patched_source);
    if (units.empty())
        throw report::Refusal("plan.makefile", folder + "Makefile",
                              "kbuild cannot read the patched Makefile:\n" + host::last_lines(outcome.errors, 10),
                              "correct the patch");
    return units;
}

// How texts that only the preprocessor can tell apart differ.
using Differences = std::function<std::vector<std::optional<std::string>>(const std::vector<Reading>&)>;

Plan make_plan_with(const Differences& differences, const Target& target, const std::vector<BuildUnit>& units,
                    const std::vector<source::ChangedFile>& files, const fs::path& patched_source,
                    const TargetOptions& options) {
    const std::set<std::string> included = included_sources_of(target);
    const std::vector<Step> steps = steps_of(target);
    return make_plan(
        files,
        {.is_one_module = is_out_of_tree(target),
         .has_rust = target.config.is_set("RUST"),
         .units = units,
         .source = target.source,
         .build = target.build,
         .included_sources = included,
         .include_graph = [&] { return include_graph_of(target, units, options); },
         .patched_units = [&](const std::string& folder) { return list_patched_units(target, patched_source, folder); },
         .in_patched_tree = [&](const BuildUnit& unit) { return in_patched_tree(unit, target, patched_source); },
         .steps = steps,
         .differences = differences,
         .new_readers =
             [&](const std::string& path, const source::IncludeGraph& graph) {
                 const auto may_find =
                     units_that_may_find(path, units, graph, files_asking_for(graph, path.substr(path.rfind('/') + 1)),
                                         target.source, target.build);
                 return readers_in_patched_tree(target, may_find, path, patched_source, options.jobs);
             }});
}

} // namespace

Plan make_plan(const Target& target, const std::vector<BuildUnit>& units, const std::vector<source::ChangedFile>& files,
               const fs::path& patched_source, const TargetOptions& options) {
    const auto preprocessed = [&](const std::vector<Reading>& readings) {
        return differences(target, patched_source, readings, options.jobs);
    };
    return make_plan_with(preprocessed, target, units, files, patched_source, options);
}

Plan make_likely_plan(const Target& target, const std::vector<BuildUnit>& units,
                      const std::vector<source::ChangedFile>& files, const fs::path& patched_source,
                      const TargetOptions& options) {
    const auto none = [](const std::vector<Reading>& readings) {
        return std::vector<std::optional<std::string>>(readings.size());
    };
    return make_plan_with(none, target, units, files, patched_source, options);
}

} // namespace klp::kernel
