// A kernel that is given by a name, as files: of Debian's archive, or of packages in a folder.
#pragma once

#include "host/cache.h"
#include "kernel/archive.h"

#include <filesystem>
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

// By what --kernel is given: "debian:NAME" (kernel/debian_name.h) or "packages:DIR" (kernel/package_folder.h). Unpacked
// into the cache if it is not there. Throws what fetch_debian_kernel() and find_packaged_kernel() do.
NamedKernel fetch_named_kernel(const std::string& spec, const host::Cache& cache, const Progress& progress);

} // namespace klp::kernel
