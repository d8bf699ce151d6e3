#include "livepatch/patches.h"

#include "elf/livepatch_abi.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace klp::livepatch {

namespace {

bool is_set(const System& system, const std::string& attribute) {
    return system.text(attribute) == "1";
}

// "NAME,SYMPOS"; the name may hold anything but a slash.
Function function_of(const std::string& folder) {
    Function function{folder};
    const size_t comma = folder.rfind(',');
    if (comma == std::string::npos)
        return function;
    const char* end = folder.data() + folder.size();
    if (std::from_chars(folder.data() + comma + 1, end, function.sympos).ptr == end)
        function.name.resize(comma);
    return function;
}

std::vector<Object> objects_of(const System& system, const std::string& patch) {
    std::vector<Object> objects;
    for (const std::string& name : system.folders(patch)) {
        const std::string folder = patch + "/" + name;
        Object object{name, is_set(system, folder + "/patched"), {}};
        for (const std::string& function : system.folders(folder))
            object.functions.push_back(function_of(function));
        objects.push_back(std::move(object));
    }
    return objects;
}

State state_of(const System& system, const std::string& patch) {
    const bool is_enabled = is_set(system, patch + "/enabled");
    if (is_set(system, patch + "/transition"))
        return is_enabled ? State::enabling : State::disabling;
    return is_enabled ? State::enabled : State::idle;
}

LoadedPatch read_patch(const System& system, const std::string& name) {
    const std::string folder = fmt::format("{}/{}", patches_folder, name);
    LoadedPatch patch{name, state_of(system, folder), objects_of(system, folder), {}, module_build_id(system, name)};
    if (const std::optional<std::string> replace = system.text(folder + "/replace"))
        patch.is_replacing = *replace == "1";
    return patch;
}

// Modules whose patch sysfs does not have any more. The kernel marks its live patches (TAINT_LIVEPATCH, 'K'); those for
// klp-build's core use that.
std::set<std::string> modules_with_patches(const System& system) {
    std::set<std::string> modules;
    for (const std::string& name : system.folders("/sys/module")) {
        const std::optional<std::string> taint = system.text(fmt::format("/sys/module/{}/taint", name));
        if (taint && taint->find('K') != std::string::npos)
            modules.insert(name);
    }
    for (const std::string& name : system.names(fmt::format("/sys/module/{}/holders", elf::core_module)))
        modules.insert(name);
    return modules;
}

} // namespace

const char* to_string(State state) {
    switch (state) {
    case State::enabled:
        return "enabled";
    case State::enabling:
        return "enabling";
    case State::disabling:
        return "disabling";
    case State::idle:
        break;
    }
    return "not in effect";
}

bool has_core(const System& system) {
    return system.exists(patches_folder);
}

std::vector<LoadedPatch> read_patches(const System& system) {
    std::set<std::string> modules = modules_with_patches(system);
    for (const std::string& name : system.folders(patches_folder))
        modules.insert(name);
    std::vector<LoadedPatch> patches;
    for (const std::string& name : modules)
        patches.push_back(read_patch(system, name));
    return patches;
}

std::optional<LoadedPatch> find_patch(const System& system, std::string_view name) {
    std::vector<LoadedPatch> patches = read_patches(system);
    auto found = std::ranges::find(patches, name, &LoadedPatch::name);
    return found == patches.end() ? std::nullopt : std::optional(std::move(*found));
}

} // namespace klp::livepatch
