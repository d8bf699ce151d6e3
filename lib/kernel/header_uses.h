// Of the units that read a changed header, those that use what changed in it.
#pragma once

#include "kernel/compile.h"
#include "kernel/target.h"
#include "source/changes.h"
#include "source/patch.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace klp::kernel {

// Those of `units` that can come out another one with the patch; when in doubt, they can. A unit that is in the patch
// itself, is new, or has another command, always can. The others are read by Clang's preprocessor with and
// without the patch (source/change_use.h), up to `jobs` at a time (0: one per processor); where a condition in a
// changed file leaves a change out, the kernel's own preprocessor has the word. `done` is told how many of how many are
// known, by any thread.
std::vector<UnitChange> users_of(const Target& target, const std::vector<UnitChange>& units,
                                 const std::map<std::string, source::FileChange>& files,
                                 const std::filesystem::path& patched_source, unsigned jobs,
                                 const std::function<void(size_t, size_t)>& done);

} // namespace klp::kernel
