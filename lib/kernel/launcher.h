// A program put before the compiler of each unit, as CMake's CMAKE_C_COMPILER_LAUNCHER is: ccache, distcc, icecc.
#pragma once

#include "kernel/compiler.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::kernel {

struct Launcher {
    std::vector<std::string> words; // the program and its arguments; empty: none is wanted
    std::string compiler_mark;      // what the kernel's compiler signs an object with
};

// `text` is as CMake has it, words between semicolons. Throws report::Refusal "compiler.launcher" if the program is not
// there, or cannot be reached by a compiler that runs in a system of its own.
Launcher find_launcher(const std::string& text, const Compiler& compiler);

// What the compiler of an object signed it with, "GCC: (Debian 12.2.0-14+deb12u1) 12.2.0" (.comment); empty if it did
// not. Throws as elf::Object::open().
std::string compiler_mark_of(const std::filesystem::path& object);

} // namespace klp::kernel
