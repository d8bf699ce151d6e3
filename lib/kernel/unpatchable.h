// Code of a kernel tree that does not run as part of the kernel.
#pragma once

#include "report/finding.h"

#include <optional>
#include <string>

namespace klp::kernel {

// Why code in this file (a path in the tree) is never patched live: it does not run as part of the kernel or its
// modules. Nothing for all other files.
std::optional<report::Finding> find_unpatchable(const std::string& path);

} // namespace klp::kernel
