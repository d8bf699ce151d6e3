#include "kernel/target.h"

#include "files/files.h"
#include "host/cache.h"
#include "host/inventory.h"
#include "kernel/banner.h"
#include "kernel/includes.h"
#include "kernel/kbuild.h"
#include "kernel/mirror.h"
#include "kernel/parts.h"
#include "kernel/prepare.h"
#include "kernel/runtime.h"
#include "kernel/toolchain.h"
#include "symbols/kernel_files.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

std::string module_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

void prepare_entry(const Parts& parts, Target& target, const TargetOptions& options) {
    const std::string index = index_modules(parts.modules);
    target.release = check_one_kernel(parts, target.config, target.version, index);
    if (options.progress)
        options.progress("preparing the build directory (once per kernel)");
    if (!parts.has_clean_source)
        synchronize_mirror(parts.source, target.source);
    const Kbuild kbuild = kbuild_of(target);
    prepare_build(kbuild, parts.config, parts.symvers, options.jobs);
    list_units(kbuild, target.entry, options.jobs);
    note_included_sources(target);
    host::note_origin(target.entry, parts.source);
    files::write(target.entry / "modules", index);
    files::write(target.entry / "release", target.release);
}

// Nothing can be added to an entry that is sealed: what is made later elsewhere is made now.
void complete_entry(const Target& target, const TargetOptions& options) {
    include_graph_of(target, units_of(target), options);
}

Compiler compiler_for(const Parts& parts, const Config& config, const host::Cache& cache,
                      const TargetOptions& options) {
    Compiler compiler = tools_of(config, parts.config, parts.name, cache, options);
    std::vector<fs::path>& readable = compiler.system.readable;
    readable.push_back(parts.source);
    readable.insert(readable.end(), options.resources.begin(), options.resources.end());
    return compiler;
}

// Where all that belongs to the target is, given the entry.
void settle(Target& target, const Parts& parts, const fs::path& entry) {
    target.entry = target.state = entry;
    target.source = parts.has_clean_source ? parts.source : entry / "source";
    target.kernel_source = target.source;
    target.build = entry / "build";
}

// Where everything that belongs to this kernel is kept: the name tells it from any other, and from the same folder with
// another build in it.
std::string entry_name(const Parts& parts, const std::string& config_text, const Compiler& compiler,
                       const std::string& version) {
    std::string identity = std::string(parts.has_clean_source ? "8\n" : "8 mirrored\n") + parts.source.string() + "\n" +
                           config_text + "\n" + compiler.path.string() + " " + compiler.version + "\n";
    // By content: a time that is set back or a copy is no other kernel.
    identity += identity_of_image(parts.vmlinux) + "\n" + host::fingerprint(files::read_text(parts.symvers)) + "\n";
    identity += parts.modules.string();
    return fmt::format("kernel/{}-{}", version, host::fingerprint(identity));
}

} // namespace

Compiler tools_of(const Config& config, const fs::path& where, const std::string& kernel, const host::Cache& cache,
                  const TargetOptions& options) {
    return find_tools(config, where.string(), {options.toolchain, kernel, options.skip_compiler_check}, cache,
                      options.progress);
}

Kbuild kbuild_of(const Target& target) {
    return {target.kernel_source, target.build,
            target.config.arch(), target.release,
            target.compiler,      target.config.is_set("RUST") ? Kbuild::Rust::answers : Kbuild::Rust::none};
}

Target parts_target(const Parts& given, const host::Cache& cache, const TargetOptions& options) {
    check_parts(given);
    Parts parts = given;
    // Links of a mirror and the list of modules, which stay, lead there.
    parts.source = fs::canonical(given.source);
    if (!given.modules.empty())
        parts.modules = fs::canonical(given.modules);
    const std::string config_text = files::read_text(parts.config);
    Target target;
    target.name = parts.name;
    target.config = Config(config_text);
    refuse_unsupported(target.config, parts.config.string());
    target.version = read_source_version(parts.source);
    if (target.version.empty())
        throw report::Refusal("target.no-source", parts.source.string(), "this is not the top of a kernel source tree",
                              "its Makefile begins with VERSION, PATCHLEVEL and SUBLEVEL");
    target.runtime = choose_runtime(target.config, target.version, options.runtime, parts.config.string());
    if (target.runtime == elf::Runtime::core)
        require_no_core(files::read_text(parts.symvers), parts.config.string());
    target.compiler = compiler_for(parts, target.config, cache, options);
    target.launcher = find_launcher(options.launcher, target.compiler);
    target.arch = target.config.arch();
    target.capabilities = read_capabilities(target.config);
    target.vmlinux = fs::canonical(parts.vmlinux);
    target.symvers = fs::canonical(parts.symvers);
    target.vmlinuz = parts.vmlinuz;
    target.boot_modules = parts.boot_modules;
    target.system_map = parts.system_map;

    const std::string name = entry_name(parts, config_text, target.compiler, target.version);
    target.has_fixed_source = parts.has_clean_source;
    bool is_fresh = false;
    const auto make = [&](const fs::path& folder) {
        host::prune_orphans(cache);
        is_fresh = true;
        settle(target, parts, folder);
        prepare_entry(parts, target, options);
        if (parts.has_clean_source && cache.seals_common_entries())
            complete_entry(target, options);
    };
    // A source that people work on is brought up to date in the entry, time and again.
    settle(target, parts, parts.has_clean_source ? cache.common_entry(name, make) : cache.entry(name, make));
    target.state = parts.has_clean_source ? cache.state_of(name) : target.entry;
    // Files may have come or gone in a tree that people work on.
    if (!parts.has_clean_source && !is_fresh) {
        const host::FileLock held = cache.lock(name);
        synchronize_mirror(parts.source, target.source);
    }
    target.release = files::read_text(target.entry / "release");
    target.modules = parse_index(files::read_text(target.entry / "modules"));
    target.findings = find_config_drift(parts.config, target.build / ".config");
    return target;
}

PatchedTree patched_tree_of(const Target& target) {
    PatchedTree tree = PatchedTree::acquire(target.source, target.state / "patched");
    if (!target.has_fixed_source)
        tree.bring_up_to_date();
    return tree;
}

bool is_out_of_tree(const Target& target) {
    return target.source != target.kernel_source;
}

std::vector<BuildUnit> units_of(const Target& target) {
    const fs::path list = target.entry / "units";
    return read_units(files::read_text(list), list.string());
}

std::vector<Step> steps_of(const Target& target) {
    const fs::path list = target.entry / "steps";
    return read_steps(files::read_text(list), list.string());
}

const fs::path* find_module(const Target& target, std::string name) {
    const auto found = target.modules.find(module_name(std::move(name)));
    return found == target.modules.end() ? nullptr : &found->second;
}

} // namespace klp::kernel
