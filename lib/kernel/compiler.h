// The compiler that a kernel was built with, found again on this machine.
#pragma once

#include "kernel/config.h"

#include <filesystem>
#include <string>

namespace klp::kernel {

struct Compiler {
    std::filesystem::path path; // of the program
    std::string name;           // as kbuild is told, CC=...: "gcc-12"
    std::string version; // first line of --version without the program's name: "(Debian 12.2.0-14+deb12u1) 12.2.0"
    bool is_clang = false;
};

// Finds the compiler that CONFIG_CC_VERSION_TEXT names: by that name, else by the plain and the versioned names in
// PATH. The code must come out identical, so the version text must be the same to the letter. Throws report::Refusal
// "compiler.missing" if there is none at all and "compiler.mismatch" if none is the same one.
Compiler find_compiler(const Config& config, const std::string& where);

// --skip-compiler-check: the same candidates, but takes the first that exists if none matches.
Compiler find_any_compiler(const Config& config, const std::string& where);

} // namespace klp::kernel
