// A kernel as the packages of any distribution, in a folder, as a mirror has them.
#pragma once

#include "host/cache.h"
#include "kernel/named_kernel.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace klp::kernel {

inline constexpr std::string_view packages_prefix = "packages:";

// What each package is, is told by what is in it: an image, modules, debug data, a configuration, Module.symvers,
// sources, in the places where Debian, Fedora, openSUSE and Ubuntu have them. Throws report::Refusal "target.packages"
// (no packages, those of several kernels, what is missing), "target.unpack".
NamedKernel find_packaged_kernel(const std::filesystem::path& folder, const host::Cache& cache,
                                 const Progress& progress);

// The same for packages that are unpacked below `root` already.
NamedKernel kernel_in(const std::filesystem::path& root, const std::string& where);

} // namespace klp::kernel
