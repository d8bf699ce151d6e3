// The module: the template and the differ's objects, linked by kbuild against the target, so that vermagic, symbol
// versions and objtool's passes are the target's own.
#pragma once

#include "kernel/runtime.h"
#include "kernel/target.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::kernel {

struct ModuleRecipe {
    std::string name;                                // "livepatch-fix": the file's name without .ko
    std::filesystem::path template_folder;           // template/module
    std::vector<std::filesystem::path> objects = {}; // the differ's, in the order in which they are linked
    std::vector<std::string> import_namespaces = {}; // of symbols that the objects import
    std::vector<std::pair<std::string, std::string>> modinfo =
        {};                               // tags and values that say what it is for, and made of
    bool is_replacing = true;             // does it replace all other live patches?
    std::optional<RuntimeCore> core = {}; // klp-build's own, if the module is for that
};

// Links the module in `folder` (empty; private to the run) and returns the .ko, which klp-convert has yet to finish.
// Throws "module.link" with kbuild's own message.
std::filesystem::path link_module(const Target& target, const ModuleRecipe& recipe,
                                  const std::filesystem::path& folder);

// Does ahead of time what the first link of such a module would do for those after it, in `scratch` (private to the
// run). Of the recipe, the template and the core count. Throws as link_module().
void prepare_link(const Target& target, const ModuleRecipe& recipe, const std::filesystem::path& scratch);

} // namespace klp::kernel
