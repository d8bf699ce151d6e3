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
    // What a kernel with parts in Rust finds for a Rust compiler: what this system has, or programs that only give
    // answers (rust.h), in the folder "rust" beside `build`; nothing in Rust is made then.
    enum class Rust { none, system, answers };
    Rust rust = Rust::none;
};

std::filesystem::path rust_answers_of(const Kbuild& kbuild);

// `make` with these goals and variables ("M=/x"); time stamps, user and host that kbuild would write are fixed.
host::Command make_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs);

// The same as `make -n -k`: prints what would be done, failing rules or not. What each of so many makes at a time
// prints comes in one piece.
host::Command dry_run_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs);

} // namespace klp::kernel
