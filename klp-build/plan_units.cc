// The patched tree and the units that see a difference in it.
#include "kernel_progress.h"
#include "pipeline.h"
#include "resources.h"

#include "kernel/opened_folders.h"
#include "report/finding.h"
#include "source/line_keeping.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::build {

namespace {

// The lines below a hunk keep their numbers, so that __LINE__ alone changes nothing.
std::string with_kept_lines(const std::string& path, const source::FileChange& change) {
    if (!source::is_c(source::kind_of(path)) || change.is_copy)
        return *change.after;
    std::string_view origin_name = change.origin != path ? std::string_view(change.origin) : std::string_view{};
    return source::keep_line_numbers(*change.after, change.line_origins, origin_name);
}

// kpatch-build's -t: kbuild's names for what it can make.
bool covers(const std::string& wanted, const kernel::BuildUnit& unit) {
    if (wanted == "vmlinux")
        return unit.owner == "vmlinux";
    if (wanted == "modules")
        return unit.owner != "vmlinux";
    if (wanted.ends_with(".ko")) {
        std::string name = std::filesystem::path(wanted).stem().string();
        std::ranges::replace(name, '-', '_');
        return unit.owner == name;
    }
    return unit.source.starts_with(wanted);
}

void keep_only_targets(const std::vector<std::string>& targets, kernel::Plan& plan) {
    std::erase_if(plan.changes, [&](const kernel::UnitChange& change) {
        if (std::ranges::any_of(targets, [&](const std::string& wanted) { return covers(wanted, change.patched); }))
            return false;
        plan.is_partial = true;
        plan.findings.push_back(
            {"plan.not-a-target", report::Severity::warning, change.patched.source, "",
             fmt::format("the patch changes this unit of {}, but no --target covers it", change.patched.owner),
             "leave out --target to patch all that the patch changes"});
        return true;
    });
    if (plan.changes.empty())
        throw report::Refusal("plan.nothing-built", targets.front(),
                              "no unit that the patch changes is part of --target", "leave out --target");
}

// The kernel's own <linux/livepatch_helpers.h> does not have what is only ours.
void complete_helpers(const kernel::Target& target, const PatchedFiles& changes, kernel::PatchedTree& tree) {
    const std::string path = "include/linux/livepatch_helpers.h";
    const std::optional<std::string> own = source::read_from(target.source)(path);
    if (own && !changes.applied.files.contains(path))
        tree.replace(path, *own + "\n#include <klp_author_macros.h>\n");
}

// What a patch may include, <linux/livepatch_helpers.h> and the like, is found below include/ of the patched tree. A
// kernel (or a patch) that brings such a header has its own used.
void add_author_headers(const kernel::Target& target, const PatchedFiles& changes, kernel::PatchedTree& tree) {
    const std::filesystem::path folder = template_folder() / "include";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string path = "include/" + entry.path().lexically_relative(folder).string();
        const bool is_there = std::filesystem::exists(target.source / path) || changes.applied.files.contains(path);
        if (entry.is_regular_file() && !is_there)
            tree.replace(path, source::read_from(entry.path().parent_path())(entry.path().filename().string()));
    }
}

kernel::TargetOptions target_options(const Options& options, report::Progress& progress) {
    kernel::TargetOptions result;
    result.jobs = options.jobs;
    result.progress = shown_by(progress);
    return result;
}

// Without CONFIG_LIVEPATCH the kernel's own <linux/livepatch.h> declares nothing.
void add_core_header(const kernel::RuntimeCore& core, const PatchedFiles& changes, kernel::PatchedTree& tree) {
    const std::string path = "include/linux/livepatch.h";
    if (!changes.applied.files.contains(path))
        tree.replace(path, source::read_from(core.include)("linux/livepatch.h"));
}

} // namespace

kernel::Plan likely_units(const Options& options, const kernel::Target& target, const Units& units,
                          const PatchedFiles& changes, const kernel::PatchedTree& tree, report::Progress& progress) {
    return kernel::make_likely_plan(target, units, changes.files, tree.root(), target_options(options, progress));
}

kernel::PatchedTree write_patched_tree(const kernel::Target& target, const Units& units, const PatchedFiles& changes,
                                       const std::optional<kernel::RuntimeCore>& core) {
    kernel::PatchedTree tree = kernel::patched_tree_of(target);
    kernel::open_folders(target, units, changes.applied, tree);
    add_author_headers(target, changes, tree);
    complete_helpers(target, changes, tree);
    if (core)
        add_core_header(*core, changes, tree);
    for (const auto& [path, change] : changes.applied.files) {
        // The configuration is the running kernel's: kbuild must not see new options, it would ask about them.
        if (source::kind_of(path) == source::FileKind::kconfig)
            continue;
        tree.replace(path, change.after ? std::optional(with_kept_lines(path, change)) : std::nullopt);
    }
    return tree;
}

void restore_own_lines(const PatchedFiles& changes, kernel::PatchedTree& tree) {
    for (const auto& [path, change] : changes.applied.files)
        if (change.after && source::kind_of(path) != source::FileKind::kconfig)
            tree.replace(path, change.after);
}

bool reaches_many(const kernel::Plan& plan, const PatchedFiles& changes) {
    constexpr std::ptrdiff_t few_units = 8;
    return std::ranges::count_if(plan.changes, [&](const kernel::UnitChange& change) {
               return !changes.applied.files.contains(change.patched.source);
           }) > few_units;
}

kernel::Plan plan_units(const Options& options, const kernel::Target& target, const Units& units,
                        const PatchedFiles& changes, const kernel::PatchedTree& tree, report::Progress& progress) {
    kernel::Plan plan = kernel::make_plan(target, units, changes.files, tree.root(), target_options(options, progress));
    if (!options.targets.empty())
        keep_only_targets(options.targets, plan);
    return plan;
}

} // namespace klp::build
