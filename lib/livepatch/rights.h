// What the caller may do, and saying so before something fails half-way.
#pragma once

#include "livepatch/system.h"

#include <string_view>

namespace klp::livepatch {

// The number of a capability (include/uapi/linux/capability.h).
enum class Right : unsigned {
    override_files = 1, // CAP_DAC_OVERRIDE: write what belongs to root
    load_modules = 16,  // CAP_SYS_MODULE
    see_stacks = 21     // CAP_SYS_ADMIN
};

// By CapEff of /proc/self/status; true where that cannot be read, so that the kernel has the word.
bool has_right(const System& system, Right right);

// Throws report::Refusal "livepatch.no-right" that names the right and what it is for ("load a module").
void need_right(const System& system, Right right, std::string_view purpose);

} // namespace klp::livepatch
