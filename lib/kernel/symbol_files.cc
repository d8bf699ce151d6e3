#include "kernel/symbol_files.h"

#include <fmt/format.h>

#include <cstdio>

namespace klp::kernel {

symbols::KernelPaths symbol_files(const Target& target) {
    symbols::KernelPaths paths;
    paths.vmlinux = target.vmlinux;
    paths.vmlinuz = target.vmlinuz;
    paths.symvers = target.symvers;
    paths.module_files.insert(target.modules.begin(), target.modules.end());
    return paths;
}

symbols::KernelPaths find_symbol_files(const std::string& spec) {
    Cache cache(Cache::default_root());
    TargetOptions options;
    options.progress = [](const std::string& text) { fmt::print(stderr, "{}\n", text); };
    return symbol_files(debian_target(spec, cache, options));
}

} // namespace klp::kernel
