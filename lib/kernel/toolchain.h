// The compiler that a kernel was built with, and all that kbuild needs beside it: of this system, or in a small system
// of their own, made of packages of the suite that has that very compiler.
#pragma once

#include "host/cache.h"
#include "kernel/archive.h"
#include "kernel/compiler.h"
#include "kernel/config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// Which package of Debian has the compiler that CONFIG_CC_VERSION_TEXT names.
struct CompilerPackage {
    std::string name;    // "gcc-14"
    std::string version; // "14.2.0-19"
    friend bool operator==(const CompilerPackage&, const CompilerPackage&) = default;
};
// Of "x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0"; nothing if it is no GCC of Debian's.
std::optional<CompilerPackage> package_of_compiler(std::string_view version_text);

// What --toolchain says.
inline constexpr const char* toolchain_of_host = "host";
inline constexpr const char* toolchain_of_kernel = "kernel";

struct ToolchainRequest {
    std::string choice;     // "host", "kernel", a folder that holds a system; empty: the host's if it is the kernel's
    std::string kernel;     // the kernel's name, where it says the suite ("debian:6.12.117+deb13-amd64")
    bool takes_any = false; // another compiler than the kernel's is good enough
};

// The compiler for a kernel of that configuration, in the system where it runs. `where` names the configuration. Throws
// report::Refusal "compiler.missing", "compiler.mismatch" (no suite has it either), "toolchain.no-namespaces",
// "toolchain.no-system", "target.download", "target.unpack".
Compiler find_tools(const Config& config, const std::string& where, const ToolchainRequest& request,
                    const host::Cache& cache, const Progress& progress);

// The packages of the system where the compiler runs, "gcc-14 14.2.0-19"; none if it is this one.
std::vector<std::string> packages_beside(const Compiler& compiler);

} // namespace klp::kernel
