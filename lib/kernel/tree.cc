// A kernel as a source tree, with or without a build in it.
#include "files/files.h"
#include "host/cache.h"
#include "host/inventory.h"
#include "host/process.h"
#include "kernel/banner.h"
#include "kernel/kbuild.h"
#include "kernel/mirror.h"
#include "kernel/prepare.h"
#include "kernel/runtime.h"
#include "kernel/target.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

Parts parts_of_build(const std::string& name, const fs::path& source, const fs::path& build) {
    return {.name = name,
            .source = source,
            .config = build / ".config",
            .vmlinux = build / "vmlinux",
            .modules = build,
            .symvers = build / "Module.symvers",
            .vmlinuz = fs::exists(build / "arch/x86/boot/bzImage") ? build / "arch/x86/boot/bzImage" : fs::path(),
            .boot_modules = {},
            .system_map = fs::exists(build / "System.map") ? build / "System.map" : fs::path(),
            .has_clean_source = false};
}

// What kbuild noted as the release must be what the image says.
void check_built_release(const fs::path& build) {
    const fs::path note = build / "include/config/kernel.release";
    if (!fs::exists(note))
        return;
    std::string noted = files::read_text(note);
    noted.resize(std::min(noted.find('\n'), noted.size()));
    const std::string release = read_vmlinux_release(build / "vmlinux");
    if (noted != release)
        throw report::Refusal(
            "target.wrong-release", (build / "vmlinux").string(),
            fmt::format("this vmlinux is of release {}, the build directory is configured for {}", release, noted),
            "the tree was configured anew since the kernel was built: build it again, or name the parts "
            "(--vmlinux, --symvers, --modules, --config) of the kernel that runs");
}

// A name for the state of a tree that is to be built: its files' sizes and times, and the configuration.
std::string tree_state(const fs::path& folder) {
    std::vector<std::string> stamps;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().filename() != ".git" && entry.is_regular_file())
            stamps.push_back(files::stamp(entry.path()));
    }
    std::sort(stamps.begin(), stamps.end());
    return host::fingerprint(fmt::format("{}", fmt::join(stamps, "\n")));
}

fs::path build_in_cache(const fs::path& source, const fs::path& config_file, const host::Cache& cache,
                        const TargetOptions& options) {
    const std::string config_text = files::read_text(config_file);
    const Config config(config_text);
    refuse_unsupported(config, config_file.string());
    choose_runtime(config, read_source_version(source), options.runtime, config_file.string());
    Compiler compiler = tools_of(config, config_file, source.string(), cache, options);
    compiler.system.readable.push_back(source);
    const std::string state = host::fingerprint(tree_state(source) + config_text + compiler.version);
    return cache.entry("built/" + state, [&](const fs::path& folder) {
        if (options.progress)
            options.progress("building the kernel, since the tree has no build (once per state of the tree)");
        host::note_origin(folder, source);
        synchronize_mirror(source, folder / "source");
        const Kbuild kbuild{folder / "source", folder / "build",
                            config.arch(),     "",
                            compiler,          config.is_set("RUST") ? Kbuild::Rust::system : Kbuild::Rust::none};
        prepare_build(kbuild, config_file, {}, options.jobs);
        host::run_or_refuse(make_command(kbuild, {"vmlinux", "modules"}, options.jobs), "target.build",
                            "build the kernel");
    }) / "build";
}

} // namespace

Target tree_target(const fs::path& sourcedir, const fs::path& builddir, const host::Cache& cache,
                   const TargetOptions& options) {
    if (read_source_version(sourcedir).empty())
        throw report::Refusal("target.no-source", sourcedir.string(), "this is not the top of a kernel source tree",
                              "its Makefile begins with VERSION, PATCHLEVEL and SUBLEVEL");
    const fs::path source = fs::canonical(sourcedir);
    const fs::path build = builddir.empty() ? source : fs::canonical(builddir);
    const bool has_image = fs::exists(build / "vmlinux");
    const bool has_symvers = fs::exists(build / "Module.symvers");
    if (!fs::exists(build / ".config"))
        throw report::Refusal("target.not-configured", build.string(), "there is no .config",
                              "configure the kernel (and give --builddir, if it was built with O=), or name a "
                              "distribution's kernel with --kernel");
    if (has_image && !has_symvers)
        throw report::Refusal("target.half-built", build.string(), "there is a vmlinux and no Module.symvers",
                              "finish the build: make vmlinux modules");
    if (has_image) {
        check_built_release(build);
        return parts_target(parts_of_build(sourcedir.string(), source, build), cache, options);
    }
    const fs::path built = build_in_cache(source, build / ".config", cache, options);
    return parts_target(parts_of_build(sourcedir.string(), source, built), cache, options);
}

} // namespace klp::kernel
