// Code of a kernel tree that does not run as part of the kernel.
#pragma once

#include "kernel/unit.h"
#include "report/finding.h"

#include <optional>
#include <string>

namespace klp::kernel {

// Why code in this file (a path in the tree) is never patched live: it does not run as part of the kernel or its
// modules. Nothing for all other files.
std::optional<report::Finding> find_unpatchable(const std::string& path);

// The same for a unit. The code that maps the vDSO lies beside the vDSO's own, and the EFI stub has objects of its own
// of lib/cmdline.c.
inline bool is_unpatchable(const BuildUnit& unit) {
    return !is_of_kernel(unit) && (find_unpatchable(unit.source) || find_unpatchable(unit.object));
}

} // namespace klp::kernel
