// The target as klp-convert and klp-verify see it: symbols and exports only.
#pragma once

#include "host/cache.h"
#include "symbols/kernel_files.h"

namespace CLI {
class App;
}

namespace klp::kernel {

// How a command line names the target kernel: by name, or by its parts.
struct KernelArguments {
    std::string name;
    host::Sharing sharing = host::Sharing::none; // of the cache
    symbols::KernelPaths parts;
};

// Let `app` take --kernel, or --vmlinux, --vmlinuz, --modules and --symvers, and with either --oot-module.
// `arguments` must live as long as `app`.
void declare_kernel(CLI::App& app, KernelArguments& arguments);

// Was the kernel's image given, or its name?
bool has_image(const KernelArguments& arguments);

// Where the symbols of the kernel are that the command line names; one that is given by name is fetched
// into the cache if it is not there yet. Throws what fetch_named_kernel() throws.
symbols::KernelPaths symbol_files(const KernelArguments& arguments);

} // namespace klp::kernel
