#include "kernel/opened_folders.h"

#include "kernel/includes.h"
#include "source/changes.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::kernel {

namespace {

// By the names that commands have for sources, "../" and all.
using CommandNames = std::multimap<std::string, std::string>;

CommandNames command_names(const Target& target, const std::vector<BuildUnit>& units) {
    const std::string root = target.source.string() + "/";
    CommandNames names;
    for (const BuildUnit& unit : units) {
        const std::string& name = unit.compile.back();
        if (name.starts_with(root))
            names.emplace(unit.source, name.substr(root.size()));
    }
    return names;
}

bool is_read_by_others(const std::string& path, const source::FileChange& change,
                       const std::set<std::string>& included) {
    switch (source::kind_of(path)) {
    case source::FileKind::documentation:
    case source::FileKind::kconfig: // never written into the tree
        return false;
    case source::FileKind::c_source:
        return !change.before || !change.after || change.origin != path ||
               included.contains(std::filesystem::path(path).filename().string());
    case source::FileKind::other:
        return !source::is_outside_of_kernel(path);
    case source::FileKind::header:
    case source::FileKind::assembly:
    case source::FileKind::makefile:
        return true;
    }
    return true;
}

} // namespace

void open_folders(const Target& target, const std::vector<BuildUnit>& units, const source::Applied& changes,
                  PatchedTree& tree) {
    const std::set<std::string> included = included_sources_of(target);
    const auto is_read_anywhere = [&](const auto& entry) {
        return is_read_by_others(entry.first, entry.second, included);
    };
    if (std::ranges::any_of(changes.files, is_read_anywhere))
        return tree.open_all();
    const std::vector<Step> steps = steps_of(target);
    const auto is_of_step = [&](const auto& entry) {
        const std::string file = (target.source / entry.first).string();
        return std::ranges::any_of(steps, [&](const Step& step) {
            return step.source == file || std::ranges::find(step.inputs, file) != step.inputs.end();
        });
    };
    if (std::ranges::any_of(changes.files, is_of_step))
        return tree.open_all();
    const CommandNames names = command_names(target, units);
    for (const auto& [path, change] : changes.files) {
        const auto [first, last] = names.equal_range(path);
        for (auto name = first; name != last; ++name)
            tree.open(std::filesystem::path(name->second).parent_path().string());
    }
}

} // namespace klp::kernel
