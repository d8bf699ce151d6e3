#include "kernel/plan_makefile.h"

#include "kernel/unpatchable.h"
#include "source/patch.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace {

using report::Finding;
using source::ChangedFile;

// "net/ipv4/" of "net/ipv4/Makefile"; "" at the top.
std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Finding error(const std::string& code, const std::string& path, const std::string& message, const std::string& hint) {
    return {code, report::Severity::error, path, "", message, hint};
}

// Makefiles whose rules reach all of the kernel.
bool is_global_makefile(const std::string& path, bool is_one_module) {
    if (is_one_module)
        return false;
    const bool is_arch_top = path.starts_with("arch/") && std::count(path.begin(), path.end(), '/') == 2;
    return path.starts_with("scripts/") || is_arch_top || path.find('/') == std::string::npos;
}

// The folder that kbuild enters to read this makefile: its own, or, for a part that others include, the next one above
// whose makefile names it. Empty if that is the top.
std::string reading_folder(const std::string& path, const PlanSources& sources) {
    std::string folder = folder_of(path);
    const std::string name = name_of(path);
    const auto names_it = [&](const std::string& makefile) {
        const std::optional<std::string> text = source::read_from(sources.source)(folder + makefile);
        return text && text->find(name) != std::string::npos;
    };
    if (name != "Makefile" && name != "Kbuild")
        while (!folder.empty() && !names_it("Makefile") && !names_it("Kbuild"))
            folder = folder_of(folder.substr(0, folder.size() - 1));
    return sources.is_one_module && folder.empty() ? folder_of(path) : folder;
}

Finding refusal_of_made_unit(const ChangedFile& file, const BuildUnit& unit) {
    if (unit.is_assembly)
        return error(
            "plan.assembly", file.path,
            fmt::format("it has {} assembled anew or otherwise, and code in assembly has no functions that the "
                        "kernel could redirect",
                        unit.source),
            "patch the C code that calls it instead");
    return error("plan.generated-input", file.path,
                 fmt::format("it brings the unit {}, whose source the build generates; a live patch does not make "
                             "generated files",
                             unit.object),
                 "write what is generated into a source file of its own");
}

// What a unit becomes a part of must be in the running kernel, and what it was a part of it still is.
std::optional<Finding> refusal_of_owner(const ChangedFile& file, const BuildUnit& unit, const BuildUnit* before,
                                        const std::vector<BuildUnit>& units) {
    if (before && before->owner != unit.owner)
        return error("plan.moved-unit", file.path,
                     fmt::format("it makes {} a part of {}; in the running kernel it is a part of {}", unit.object,
                                 unit.owner, before->owner),
                     "leave this change of the Makefile out of the live patch");
    if (std::ranges::find(units, unit.owner, &BuildUnit::owner) == units.end())
        return error("plan.new-module", file.path,
                     fmt::format("it brings a new module, {}; a live patch changes modules that there are", unit.owner),
                     "leave the new module out of the live patch, and build it by itself");
    return std::nullopt;
}

} // namespace

PatchedFolder plan_makefile(const ChangedFile& file, const PlanSources& sources,
                            std::map<std::string, UnitChange>& changes, std::vector<Finding>& faults) {
    if (std::optional<Finding> fault = find_unpatchable(file.path)) {
        faults.push_back(std::move(*fault));
        return {};
    }
    if (is_global_makefile(file.path, sources.is_one_module) || reading_folder(file.path, sources).empty()) {
        faults.push_back(error("plan.global-makefile", file.path,
                               "this Makefile reaches the whole kernel, which is built already",
                               "leave it out of the live patch"));
        return {};
    }
    const std::string folder = reading_folder(file.path, sources);
    std::map<std::string, const BuildUnit*> before;
    for (const BuildUnit& unit : sources.units) {
        if (unit.object.starts_with(folder))
            before.emplace(unit.object, &unit);
    }
    PatchedFolder patched = sources.patched_folder(file.path, folder);
    for (BuildUnit& unit : patched.units) {
        // kbuild prepares itself on the way, in other folders.
        if (!unit.object.starts_with(folder) || is_unpatchable(unit))
            continue;
        const auto old = before.find(unit.object);
        if (old != before.end() && sources.in_patched_tree(*old->second).compile == unit.compile)
            continue;
        if (unit.is_assembly || (unit.is_generated && old == before.end())) {
            faults.push_back(refusal_of_made_unit(file, unit));
            continue;
        }
        if (std::optional<Finding> fault =
                refusal_of_owner(file, unit, old == before.end() ? nullptr : old->second, sources.units)) {
            faults.push_back(std::move(*fault));
            continue;
        }
        UnitChange& change = changes[unit.object];
        change.unit = old == before.end() ? BuildUnit{} : *old->second;
        change.patched = std::move(unit);
    }
    std::erase_if(patched.gone, [&](const BuildUnit& unit) { return !before.contains(unit.object); });
    return patched;
}

} // namespace klp::kernel
