#include "kernel/kbuild.h"

#include "host/enclosure.h"
#include "host/parallel.h"
#include "kernel/rust.h"

#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace klp::kernel {

namespace {

std::vector<std::string> rust_words(const Kbuild& kbuild) {
    switch (kbuild.rust) {
    case Kbuild::Rust::none:
        // Kconfig looks for a Rust compiler and notes its version in .config; the kernel at hand had none.
        return {"RUSTC=false"};
    case Kbuild::Rust::system:
        return {};
    case Kbuild::Rust::answers:
        return rust_variables(rust_answers_of(kbuild));
    }
    return {};
}

// Documentation/kbuild/llvm.rst: the tools of clang-22 are ld.lld-22 and so on, by "-22"; those of clang have no more
// than their names, by "1".
std::string llvm_suffix(const Compiler& compiler) {
    constexpr std::string_view name = "clang";
    return compiler.name.starts_with("clang-") ? compiler.name.substr(name.size()) : "1";
}

// `how` is what tells a run from a dry one.
host::Command command_of(const Kbuild& kbuild, std::vector<std::string> how, std::vector<std::string> goals) {
    host::Command command;
    command.directory = kbuild.source;
    command.argv = {"make"};
    command.argv.insert(command.argv.end(), how.begin(), how.end());
    command.argv.insert(command.argv.end(), {"O=" + kbuild.build.string(), "CC=" + kbuild.compiler.name});
    if (!kbuild.release.empty())
        command.argv.push_back("KERNELRELEASE=" + kbuild.release);
    if (!kbuild.arch.empty())
        command.argv.push_back("ARCH=" + kbuild.arch);
    if (kbuild.compiler.has_llvm_tools)
        command.argv.push_back("LLVM=" + llvm_suffix(kbuild.compiler));
    for (std::string& word : rust_words(kbuild))
        command.argv.push_back(std::move(word));
    for (std::string& goal : goals)
        command.argv.push_back(std::move(goal));
    command.environment = {{"KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"},
                           {"KBUILD_BUILD_USER", "klp-build"},
                           {"KBUILD_BUILD_HOST", "klp-build"},
                           {"KBUILD_BUILD_VERSION", "1"},
                           {"PYTHONDONTWRITEBYTECODE", "1"}};
    return host::enclose(std::move(command), kbuild.compiler.system);
}

std::string jobs_word(unsigned jobs) {
    return fmt::format("-j{}", jobs == 0 ? host::processor_count() : jobs);
}

} // namespace

std::filesystem::path rust_answers_of(const Kbuild& kbuild) {
    return kbuild.build.parent_path() / "rust";
}

host::Command make_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs) {
    return command_of(kbuild, {"-s", jobs_word(jobs)}, std::move(goals));
}

host::Command dry_run_command(const Kbuild& kbuild, std::vector<std::string> goals, unsigned jobs) {
    return command_of(kbuild, {"-n", "-k", jobs_word(jobs), "--output-sync=recurse"}, std::move(goals));
}

} // namespace klp::kernel
