// Calling the kernel's own build system.
#pragma once

#include "host/process.h"
#include "kernel/compiler.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::kernel {

// What every call of make for a kernel has in common.
struct Kbuild {
    std::filesystem::path source;
    std::filesystem::path build;
    std::string arch;    // ARCH=; empty: the machine's own
    std::string release; // KERNELRELEASE=; empty: kbuild makes it up
    Compiler compiler;
    bool has_rust = false;
};

// `make` with these goals and variables ("M=/x"); time stamps, user and host that kbuild would write are fixed.
host::Command make_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs);

// The same as `make -n -k`: prints what would be done, failing rules or not. What each of so many makes at a time
// prints comes in one piece.
host::Command dry_run_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs);

} // namespace klp::kernel
