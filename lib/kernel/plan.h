// From changed files to the units that must be compiled, and what of the patch cannot be done live.
#pragma once

#include "kernel/compile.h"
#include "kernel/target.h"
#include "kernel/unit.h"
#include "report/finding.h"
#include "source/changes.h"
#include "source/include_graph.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace klp::kernel {

struct Plan {
    std::vector<UnitChange> changes;       // sorted by object
    std::vector<report::Finding> findings; // parts of the patch that have no effect, and why
};

// What the planning asks of the world, so that tests need none.
struct PlanSources {
    bool is_one_module = false;     // the tree is that of one module, and its top Makefile is that module's
    const std::vector<Unit>& units; // of the target
    std::filesystem::path source;   // of the target
    std::filesystem::path build;    // of the target
    const std::set<std::string>& included_sources;       // find_included_sources()
    std::function<source::IncludeGraph()> include_graph; // called at most once, and only if needed
    // The units that kbuild makes of the patched tree, in this folder of it and below; called if a Makefile changes.
    std::function<std::vector<Unit>(const std::string& folder)> patched_units;
    // A unit's command, for the patched tree.
    std::function<Unit(const Unit&)> in_patched_tree;
};

// Throws report::Refusal, listing every file at fault: "plan.assembly", "plan.vdso", "plan.boot", "plan.realmode",
// "plan.firmware-stub", "plan.global-makefile", "plan.generated", and "plan.nothing-built" if no unit is affected in
// this configuration.
Plan make_plan(const std::vector<source::ChangedFile>& files, const PlanSources& sources);

// The same for a target, with the patched tree `patched_source` already written.
Plan make_plan(const Target& target, const std::vector<Unit>& units, const std::vector<source::ChangedFile>& files,
               const std::filesystem::path& patched_source, const TargetOptions& options);

// Why code in this file (a path in the tree) is never patched live: it does not run as part of the kernel or its
// modules. Nothing for all other files.
std::optional<report::Finding> find_unpatchable(const std::string& path);

} // namespace klp::kernel
