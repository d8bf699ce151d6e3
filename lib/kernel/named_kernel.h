// A kernel that is given by a name, as files: of Debian's archive, or of packages in a folder.
#pragma once

#include "host/cache.h"
#include "kernel/archive.h"

#include <filesystem>
#include <functional>
#include <string>

namespace klp::kernel {

struct NamedKernel {
    std::string name; // as a later run takes it: "debian:6.1.0-57-amd64"
    std::string release;
    bool has_debug = true;        // otherwise vmlinux is the boot image, and modules are as they are loaded
    std::filesystem::path source; // empty: none of the packages has it
    std::filesystem::path config, vmlinux, modules, symvers;
    std::filesystem::path vmlinuz, boot_modules, system_map; // empty where unknown
};

// Is told of a kernel's name and configuration as soon as that is there, while other packages of it still arrive: in
// another thread, and not at all if they were there before. What it throws is not heard of.
using OnConfiguration = std::function<void(const std::string& name, const std::filesystem::path& config)>;

// By what --kernel is given: "debian:NAME" (kernel/debian_name.h) or "packages:DIR" (kernel/package_folder.h). Unpacked
// into the cache if it is not there. Throws what fetch_debian_kernel() and find_packaged_kernel() do.
NamedKernel fetch_named_kernel(const std::string& spec, const host::Cache& cache, const Progress& progress,
                               const OnConfiguration& on_configuration = {});

} // namespace klp::kernel
