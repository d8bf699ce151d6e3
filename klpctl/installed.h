// The installed patches, as the commands speak of them.
#pragma once

#include "store/store.h"

#include <string>

namespace klp::ctl {

// The one of that name, of the kernel named by release or build id; of the running kernel, or else of the only one that
// has it, if none is named. Throws report::Refusal "store.not-installed", "store.several-kernels".
store::Installed need_installed(const livepatch::System& system, const store::Store& store, const std::string& name,
                                const std::string& kernel);

// "2026-11-29T03:44:03Z"
std::string now();

} // namespace klp::ctl
