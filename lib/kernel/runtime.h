// Which livepatch core a kernel offers: its own, or, where it was built without one, klp-build's (template/core), which
// is a module built for that very kernel.
#pragma once

#include "elf/livepatch_abi.h"
#include "host/cache.h"
#include "kernel/config.h"
#include "kernel/target.h"

#include <filesystem>
#include <optional>
#include <string>

namespace klp::kernel {

// The runtime for a kernel of this configuration and source version ("6.1.192"): its own core if it has one, otherwise
// ours, if the kernel has what that needs. `wanted` only makes a wrong guess an error. `where` names the configuration.
// Throws report::Refusal "config.no-livepatch" (its own was wanted, or ours lacks a feature: all are named),
// "config.has-livepatch" (ours was wanted).
elf::Runtime choose_runtime(const Config& config, const std::string& version, std::optional<elf::Runtime> wanted,
                            const std::string& where);

// Throws "config.has-livepatch" if the kernel's exports (the text of its Module.symvers) do not agree that there is no
// core: the configuration is another kernel's.
void require_no_core(const std::string& symvers, const std::string& where);

// The runtime core, built for one kernel.
struct RuntimeCore {
    std::filesystem::path module;  // klp_core.ko
    std::filesystem::path symvers; // what it exports
    std::filesystem::path include; // the folder whose <linux/livepatch.h> patch modules are compiled with
};

// Builds the core from its source (template/core) for `target`, once per kernel and state of the source. It refuses to
// run on any kernel but that of the target's vmlinux. Throws "core.build" with kbuild's own message.
RuntimeCore build_core(const Target& target, const std::filesystem::path& source, const host::Cache& cache);

} // namespace klp::kernel
