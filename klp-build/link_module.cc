// From the units' differences to one module.
#include "pipeline.h"
#include "resources.h"

#include "elf/build_id.h"
#include "elf/livepatch_abi.h"
#include "kernel/module_link.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace klp::build {

namespace {

// One file per unit, in the order of the plan, which does not depend on timing: the same patch gives the same module.
std::vector<std::filesystem::path> write_objects(const std::vector<UnitDiff>& diffs,
                                                 const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    for (size_t at = 0; at < diffs.size(); ++at) {
        if (diffs[at].diff.nothing_changed)
            continue;
        paths.push_back(folder / fmt::format("unit-{}.o", at));
        diffs[at].diff.output.write(paths.back());
    }
    return paths;
}

bool changes_functions(const std::vector<UnitDiff>& diffs) {
    return std::ranges::any_of(diffs, [](const UnitDiff& unit) {
        return std::ranges::any_of(unit.diff.items, [](const diff::Item& item) {
            return item.kind == "function" && item.change == diff::Change::changed;
        });
    });
}

// The units' callbacks are one object's: the kernel has room for one of each kind, and calls none of an object that it
// does not have.
std::vector<report::Finding> check_callbacks(const Options& options, const kernel::Target& target,
                                             const std::vector<UnitDiff>& diffs) {
    std::vector<diff::RegisteredCallback> callbacks;
    std::vector<report::Finding> errors;
    for (const UnitDiff& unit : diffs)
        for (const diff::RegisteredCallback& callback : unit.diff.callbacks) {
            callbacks.push_back(callback);
            if (callback.object != "vmlinux" && !kernel::find_module(target, callback.object))
                errors.push_back({"livepatch.callback-object", report::Severity::error, unit.unit.source,
                                  callback.function,
                                  fmt::format("it is a callback for {}, which is neither vmlinux nor a module of this "
                                              "kernel",
                                              callback.object),
                                  "name a module as lsmod shows it, or give the directory that has it (--modules)"});
        }
    std::ranges::move(diff::check_callbacks(callbacks, options.patches.front().string()), std::back_inserter(errors));
    return errors;
}

bool has_callbacks(const std::vector<UnitDiff>& diffs) {
    return std::ranges::any_of(diffs, [](const UnitDiff& unit) { return !unit.diff.callbacks.empty(); });
}

std::vector<std::string> import_namespaces(const std::vector<UnitDiff>& diffs) {
    std::set<std::string> names;
    for (const UnitDiff& unit : diffs)
        names.insert(unit.diff.import_namespaces.begin(), unit.diff.import_namespaces.end());
    return {names.begin(), names.end()};
}

// Of vmlinux, and of each module that is patched: klp-verify tells by them another build of the same release.
std::vector<std::string> build_ids(const std::vector<UnitDiff>& diffs, const Images& images) {
    std::set<std::string> ids;
    auto add = [&](const std::string& prefix, const std::string& id) {
        if (!id.empty())
            ids.insert(prefix + id);
    };
    add("", elf::build_id(images.of("vmlinux").file()));
    for (const UnitDiff& unit : diffs)
        if (!unit.diff.nothing_changed && unit.unit.owner != "vmlinux")
            add(unit.unit.owner + ":", elf::build_id(images.of(unit.unit.owner).file()));
    return {ids.begin(), ids.end()};
}

} // namespace

void check_for_change(const Options& options, const kernel::Plan& plan, const std::vector<UnitDiff>& diffs,
                      const std::vector<report::Finding>& findings) {
    if (!std::ranges::all_of(diffs, [](const UnitDiff& unit) { return unit.diff.nothing_changed; }))
        return;
    if (std::vector<report::Finding> late = diff::changes_without_effect(findings); !late.empty())
        throw report::Refusal(std::move(late));
    if (plan.is_partial)
        throw report::Refusal("livepatch.nothing-left", options.patches.front().string(),
                              "the units that were compiled are the same with and without the patch, but parts of the "
                              "patch are left out, and the kernel may need those",
                              "the warnings name the parts that are left out");
    const bool takes_away = std::ranges::any_of(
        findings, [](const report::Finding& finding) { return finding.code == "diff.function-removed"; });
    throw report::Refusal("livepatch.nothing-changed", options.patches.front().string(),
                          takes_away ? "the patch only takes functions away; all other compiled code is the same with "
                                       "and without it"
                                     : "the compiled code is the same with and without the patch",
                          "nothing needs to be patched on this kernel");
}

Module link_module(const Options& options, const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core,
                   const PatchedFiles& changes, const std::vector<UnitDiff>& diffs, const Images& images,
                   const std::filesystem::path& folder) {
    if (std::vector<report::Finding> errors = check_callbacks(options, target, diffs); !errors.empty())
        throw report::Refusal(std::move(errors));
    if (!changes_functions(diffs) && !has_callbacks(diffs))
        throw report::Refusal("livepatch.no-function", options.patches.front().string(),
                              "the patch changes no function of this kernel: a live patch has nothing to replace",
                              "code that nothing calls cannot be reached; patch one of its callers as well");
    std::filesystem::create_directories(folder / "objects");
    std::filesystem::create_directories(folder / "module");
    kernel::ModuleRecipe recipe;
    recipe.name = module_name(options);
    recipe.template_folder = template_folder();
    recipe.objects = write_objects(diffs, folder / "objects");
    recipe.import_namespaces = import_namespaces(diffs);
    for (const std::string& id : build_ids(diffs, images))
        recipe.modinfo.emplace_back(elf::build_id_tag, id);
    recipe.modinfo.insert(recipe.modinfo.end(), changes.tags.begin(), changes.tags.end());
    recipe.is_replacing = !options.stack;
    recipe.core = core;
    return {recipe.name, kernel::link_module(target, recipe, folder / "module"), core};
}

} // namespace klp::build
