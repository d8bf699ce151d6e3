#include "kernel/symbol_files.h"

#include "kernel/named_kernel.h"

#include <CLI/CLI.hpp>

namespace klp::kernel {

namespace {

symbols::KernelPaths find_symbol_files(const std::string& spec, host::Sharing sharing) {
    const host::Cache cache = host::Cache::open(sharing);
    const NamedKernel kernel = fetch_named_kernel(spec, cache, on_standard_error());
    symbols::KernelPaths paths;
    paths.vmlinux = kernel.vmlinux;
    paths.vmlinuz = kernel.vmlinuz;
    paths.modules = kernel.modules;
    paths.symvers = kernel.symvers;
    return paths;
}

} // namespace

void declare_kernel(CLI::App& app, KernelArguments& arguments) {
    symbols::KernelPaths& parts = arguments.parts;
    auto* name = app.add_option("--kernel", arguments.name, "the target kernel, for example debian:6.1-cloud");
    app.add_option("--vmlinux", parts.vmlinux, "vmlinux with symbols of the target kernel")->excludes(name);
    app.add_option("--vmlinuz", parts.vmlinuz, "boot image of the target kernel, if there is no vmlinux")
        ->excludes(name);
    app.add_option("--modules", parts.modules, "folder with the target kernel's modules")->excludes(name);
    app.add_option("--symvers", parts.symvers, "Module.symvers of the target kernel")->excludes(name);
    app.add_option("--oot-module", parts.oot_modules, "a module (.ko) from outside the kernel's tree (may be repeated)")
        ->allow_extra_args(false);
    app.add_flag_callback(
           "--cache-shared", [&arguments] { arguments.sharing = host::Sharing::group; },
           "use a cache that others write to as well, on purpose")
        ->needs(name);
}

bool has_image(const KernelArguments& arguments) {
    return !arguments.name.empty() || !arguments.parts.vmlinux.empty() || !arguments.parts.vmlinuz.empty();
}

symbols::KernelPaths symbol_files(const KernelArguments& arguments) {
    if (arguments.name.empty())
        return arguments.parts;
    symbols::KernelPaths paths = find_symbol_files(arguments.name, arguments.sharing);
    paths.oot_modules = arguments.parts.oot_modules;
    return paths;
}

} // namespace klp::kernel
