// Planning for a kernel that is there: what plan.h asks of the world, answered by kbuild and the compiler.
#include "host/process.h"
#include "kernel/generate.h"
#include "kernel/includes.h"
#include "kernel/plan.h"
#include "kernel/shadow.h"

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// kbuild's dry run of one folder of a tree, in the target's own build directory.
host::Outcome run_dry(const Target& target, const fs::path& source, const std::string& folder) {
    Kbuild kbuild = kbuild_of(target);
    std::vector<std::string> goals = {folder};
    if (is_out_of_tree(target))
        goals = {"M=" + source.string(), "modules"};
    else
        kbuild.source = source;
    return host::run(dry_run_command(kbuild, goals, 1));
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

PatchedFolder read_patched_folder(const Target& target, const fs::path& patched_source, const std::string& folder) {
    // make brings what it includes up to date (include/config/auto.conf, and the program that does so), dry run or not.
    const host::FileLock between_runs = lock_for_generating(target);
    const host::Outcome before = run_dry(target, target.source, folder);
    host::Outcome after = run_dry(target, patched_source, folder);
    PatchedFolder result{parse_dry_run(after.output, patched_source), {}, {}};
    if (result.units.empty())
        throw report::Refusal("plan.makefile", folder + "Makefile",
                              "kbuild cannot read the patched Makefile:\n" + host::last_lines(after.errors, 10),
                              "correct the patch");
    std::set<std::string> made;
    for (const BuildUnit& unit : result.units)
        made.insert(unit.object);
    for (BuildUnit& unit : parse_dry_run(before.output, target.source))
        if (!made.contains(unit.object))
            result.gone.push_back(std::move(unit.object));
    replace_all(after.output, patched_source.string(), target.source.string());
    result.steps = changed_steps(before.output, after.output, {target.source, target.build}, folder);
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
                    [&](const std::string& folder) { return read_patched_folder(target, patched_source, folder); },
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
