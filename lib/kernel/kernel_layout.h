// Where distributions have the parts of a kernel in their packages.
#pragma once

#include "kernel/named_kernel.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::kernel {

// The parts of the kernel of that release in packages that are unpacked below `roots`, without its source: in the
// places where Debian, Fedora, openSUSE and Ubuntu have them. What is not there is empty; where that is the vmlinux, it
// is the boot image. Module.symvers may be a compressed file.
NamedKernel find_parts(const std::vector<std::filesystem::path>& roots, const std::string& release);

} // namespace klp::kernel
