// Planning for a kernel that is there: what plan.h asks of the world, answered by kbuild and the compiler.
#include "files/files.h"
#include "host/process.h"
#include "kernel/generate.h"
#include "kernel/includes.h"
#include "kernel/plan.h"
#include "kernel/shadow.h"

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// kbuild's dry run of one folder of the patched tree, in the target's own build directory.
host::Outcome run_dry(const Target& target, const fs::path& patched_source, const std::string& folder) {
    Kbuild kbuild = kbuild_of(target);
    std::vector<std::string> goals = {folder};
    if (is_out_of_tree(target))
        goals = {"M=" + patched_source.string(), "modules"};
    else
        kbuild.source = patched_source;
    return host::run(dry_run_command(kbuild, goals, 1));
}

// The same with this Makefile as it is without the patch; nothing if it is new. Where a run ends in between, the
// journal of the patched tree has the file.
host::Outcome run_dry_without_patch(const Target& target, const fs::path& patched_source, const std::string& makefile,
                                    const std::string& folder) {
    const std::optional<std::string> original = files::try_read_text(target.source / makefile);
    if (!original)
        return {};
    const std::optional<std::string> patched = files::try_read_text(patched_source / makefile);
    files::write(patched_source / makefile, *original);
    host::Outcome outcome = run_dry(target, patched_source, folder);
    if (patched)
        files::write(patched_source / makefile, *patched);
    else
        files::remove_tree(patched_source / makefile);
    return outcome;
}

PatchedFolder read_patched_folder(const Target& target, const fs::path& patched_source, const std::string& makefile,
                                  const std::string& folder) {
    // make brings what it includes up to date (include/config/auto.conf, and the program that does so), dry run or not,
    // and once more for a tree at another place: both runs are in this one.
    const host::FileLock between_runs = lock_for_generating(target);
    const host::Outcome after = run_dry(target, patched_source, folder);
    const host::Outcome before = run_dry_without_patch(target, patched_source, makefile, folder);
    PatchedFolder result{parse_dry_run(after.output, patched_source), {}, {}};
    if (result.units.empty())
        throw report::Refusal("plan.makefile", folder + "Makefile",
                              "kbuild cannot read the patched Makefile:\n" + host::last_lines(after.errors, 10),
                              "correct the patch");
    std::set<std::string> made, of_units;
    for (const BuildUnit& unit : result.units)
        made.insert(unit.object);
    for (BuildUnit& unit : parse_dry_run(before.output, patched_source)) {
        of_units.insert(unit.object);
        if (!made.contains(unit.object))
            result.gone.push_back(std::move(unit));
    }
    of_units.merge(made);
    // What else is done to a unit's object (objtool) goes with the unit.
    const std::string build = target.build.string() + "/";
    result.steps = changed_steps(before.output, after.output, {patched_source, target.build}, folder);
    for (Step& step : result.steps)
        std::erase_if(step.targets,
                      [&](const std::string& file) { return of_units.contains(file.substr(build.size())); });
    std::erase_if(result.steps, [](const Step& step) { return step.targets.empty(); });
    return result;
}

// How texts that only the preprocessor can tell apart differ.
using Differences = std::function<std::vector<std::optional<std::string>>(const std::vector<Reading>&)>;

Plan make_plan_with(const Differences& differences, const Target& target, const std::vector<BuildUnit>& units,
                    const std::vector<source::ChangedFile>& files, const fs::path& patched_source,
                    const TargetOptions& options) {
    const std::set<std::string> included = included_sources_of(target);
    const std::vector<Step> steps = steps_of(target);
    return make_plan(
        files, {.is_one_module = is_out_of_tree(target),
                .has_rust = target.config.is_set("RUST"),
                .units = units,
                .source = target.source,
                .build = target.build,
                .included_sources = included,
                .include_graph = [&] { return include_graph_of(target, units, options); },
                .patched_folder =
                    [&](const std::string& makefile, const std::string& folder) {
                        return read_patched_folder(target, patched_source, makefile, folder);
                    },
                .in_patched_tree = [&](const BuildUnit& unit) { return in_patched_tree(unit, target, patched_source); },
                .steps = steps,
                .differences = differences,
                .new_readers =
                    [&](const std::string& path, const source::IncludeGraph& graph) {
                        const auto may_find = units_that_may_find(
                            path, units, graph, files_asking_for(graph, path.substr(path.rfind('/') + 1)),
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
