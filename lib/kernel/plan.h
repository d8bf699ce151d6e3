// From changed files to the units that must be compiled, and what of the patch cannot be done live.
#pragma once

#include "kernel/compile.h"
#include "kernel/reading.h"
#include "kernel/steps.h"
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

// What kbuild does in a folder of the patched tree and below.
struct PatchedFolder {
    std::vector<BuildUnit> units;
    std::vector<BuildUnit> gone; // those that it makes of the original tree only
    std::vector<Step> steps;       // what it makes of the two trees in different ways, besides units
};

struct Plan {
    std::vector<UnitChange> changes;       // sorted by object
    std::vector<report::Finding> findings; // parts of the patch that have no effect, and why
    // Something that the patched kernel would have is left out, or may be: if the units come out unchanged, that does
    // not mean that the patch changes nothing.
    bool is_partial = false;
};

// What the planning asks of the world, so that tests need none.
struct PlanSources {
    bool is_one_module = false;          // the tree is that of one module, and its top Makefile is that module's
    bool has_rust = false;               // the kernel has parts in Rust (CONFIG_RUST)
    const std::vector<BuildUnit>& units; // of the target
    std::filesystem::path source;        // of the target
    std::filesystem::path build;         // of the target
    const std::set<std::string>& included_sources;       // find_included_sources()
    std::function<source::IncludeGraph()> include_graph; // called at most once, and only if needed
    // Called for each Makefile that changes, with the folder that kbuild enters to read it.
    std::function<PatchedFolder(const std::string& makefile, const std::string& folder)> patched_folder;
    // A unit's command, for the patched tree.
    std::function<BuildUnit(const BuildUnit&)> in_patched_tree;
    const std::vector<Step>& steps; // of the target
    // As in reading.h, for the patched tree.
    std::function<std::vector<std::optional<std::string>>(const std::vector<Reading>&)> differences;
    // The units that read this new header of the patched tree though the patch touches nothing that includes it
    // (shadow.h).
    std::function<std::vector<const BuildUnit*>(const std::string& path, const source::IncludeGraph&)> new_readers;
};

// Throws report::Refusal, listing every file at fault: "plan.assembly", "plan.vdso", "plan.boot", "plan.realmode",
// "plan.firmware-stub", "plan.global-makefile", "plan.rust", and what trace.h finds. If no unit is affected:
// "source.no-code" or "source.only-comments" where that is because no file is one that an object is made from, or none
// differs for a compiler; else "plan.nothing-built", for this configuration.
Plan make_plan(const std::vector<source::ChangedFile>& files, const PlanSources& sources);

// The same for a target, with the patched tree `patched_source` already written.
Plan make_plan(const Target& target, const std::vector<BuildUnit>& units, const std::vector<source::ChangedFile>& files,
               const std::filesystem::path& patched_source, const TargetOptions& options);

// The same without running the preprocessor: assembly, generated files and what the kernel proper has no part of are
// taken for unchanged.
Plan make_likely_plan(const Target& target, const std::vector<BuildUnit>& units,
                      const std::vector<source::ChangedFile>& files, const std::filesystem::path& patched_source,
                      const TargetOptions& options);

} // namespace klp::kernel
