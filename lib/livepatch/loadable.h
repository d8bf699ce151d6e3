// Is it sensible to give this module to this kernel at all? What can be told without the kernel's symbols.
#pragma once

#include "livepatch/module_facts.h"
#include "livepatch/system.h"
#include "report/finding.h"

#include <vector>

namespace klp::livepatch {

// "livepatch.other-kernel" (another build, or release where the module names no build), "livepatch.other-module"
// (another build of a module that it patches and that is loaded), "livepatch.no-core", "livepatch.name-taken" (a module
// of that name is loaded and is not this one), all of them errors.
std::vector<report::Finding> why_not_loadable(const System& system, const ModuleFacts& facts);

// Is this very module loaded?
bool is_loaded(const System& system, const ModuleFacts& facts);

// Is it for klp-build's own core, which is not loaded?
bool needs_core(const System& system, const ModuleFacts& facts);

} // namespace klp::livepatch
