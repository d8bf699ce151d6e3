#include "kernel/kbuild.h"

#include "host/parallel.h"

#include <fmt/format.h>

namespace klp::kernel {

host::Command make_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs) {
    host::Command command;
    command.directory = kbuild.source;
    command.argv = {"make", "-s", fmt::format("-j{}", jobs == 0 ? host::processor_count() : jobs),
                    "O=" + kbuild.build.string(), "CC=" + kbuild.compiler};
    if (!kbuild.release.empty())
        command.argv.push_back("KERNELRELEASE=" + kbuild.release);
    if (!kbuild.arch.empty())
        command.argv.push_back("ARCH=" + kbuild.arch);
    if (kbuild.is_clang)
        command.argv.push_back("LLVM=1");
    // Kconfig looks for a Rust compiler and notes its version in .config; the kernel at hand had none.
    if (!kbuild.has_rust)
        command.argv.push_back("RUSTC=false");
    for (std::string& goal : goals)
        command.argv.push_back(std::move(goal));
    command.environment = {{"KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"},
                           {"KBUILD_BUILD_USER", "klp-build"},
                           {"KBUILD_BUILD_HOST", "klp-build"},
                           {"KBUILD_BUILD_VERSION", "1"},
                           {"PYTHONDONTWRITEBYTECODE", "1"}};
    return command;
}

host::Command dry_run_command(const Kbuild& kbuild, std::vector<std::string> goals) {
    host::Command command = make_command(kbuild, std::move(goals), 1);
    command.argv[1] = "-n";
    command.argv[2] = "-k";
    return command;
}

} // namespace klp::kernel
