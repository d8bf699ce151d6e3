// The compiler that a kernel was built with, found again by its name and version.
#pragma once

#include "host/enclosure.h"
#include "kernel/config.h"

#include <filesystem>
#include <optional>
#include <string>

namespace klp::kernel {

struct Compiler {
    std::filesystem::path path; // of the program
    std::string name;           // as kbuild is told, CC=...: "gcc-12"
    std::string version; // first line of --version without the program's name: "(Debian 12.2.0-14+deb12u1) 12.2.0"
    bool is_clang = false;
    bool has_llvm_tools = false; // the kernel was linked by LLVM's linker: the rest of its tools are LLVM's, too
    host::Enclosure system = {}; // where it and all of kbuild runs; empty: here
};

// Finds the compiler that CONFIG_CC_VERSION_TEXT names, in `system`: by that name, else by the plain and the versioned
// names. The code must come out identical, so the version text must be the same to the letter. Nothing if it is not
// there.
std::optional<Compiler> find_same_compiler(const Config& config, const host::Enclosure& system);

// The same, and throws report::Refusal "compiler.missing" if there is none at all and "compiler.mismatch" if none is
// the same one.
Compiler find_compiler(const Config& config, const std::string& where, const host::Enclosure& system);

// --skip-compiler-check: the same candidates of this system, but takes the first that exists if none matches.
Compiler find_any_compiler(const Config& config, const std::string& where);

} // namespace klp::kernel
