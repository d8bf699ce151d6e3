#include "kernel/target.h"

#include "files/files.h"
#include "host/cache.h"
#include "kernel/banner.h"
#include "kernel/includes.h"
#include "kernel/kbuild.h"
#include "kernel/mirror.h"
#include "kernel/prepare.h"
#include "kernel/runtime.h"
#include "symbols/kernel_files.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

void require_file(const fs::path& path, const std::string& part, const std::string& hint) {
    if (path.empty() || !fs::is_regular_file(path))
        throw report::Refusal("target.missing-part", path.empty() ? part : path.string(),
                              fmt::format("the kernel's {} is not there", part), hint);
}

std::string module_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

// All .ko below `folder`, as "NAME\tPATH" lines.
std::string index_modules(const fs::path& folder) {
    std::string text;
    if (folder.empty())
        return text;
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, options, error)) {
        const fs::path& path = entry.path();
        if (symbols::is_module_file(path) && entry.is_regular_file())
            text += fmt::format("{}\t{}\n", symbols::module_name_of(path.string()), path.string());
    }
    if (error)
        files::refuse_unread(folder, error.value());
    return text;
}

std::map<std::string, fs::path> parse_index(std::string_view text) {
    std::map<std::string, fs::path> modules;
    for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
        const std::string_view line = text.substr(0, end);
        const size_t tab = line.find('\t');
        if (tab != std::string_view::npos)
            modules.emplace(line.substr(0, tab), line.substr(tab + 1));
    }
    return modules;
}

[[noreturn]] void refuse_release(const fs::path& where, const std::string& message) {
    throw report::Refusal("target.wrong-release", where.string(), message,
                          "all parts must come from one and the same kernel build");
}

// The parts are of one kernel, as far as they say which one they are of. Returns its release.
std::string check_release(const Parts& parts, const Config& config, const std::string& source_version,
                          const std::string& modules_index) {
    const std::string release = read_vmlinux_release(parts.vmlinux);
    if (series_of(release) != series_of(source_version))
        refuse_release(parts.vmlinux, fmt::format("this vmlinux is of release {}, the source tree {} is of {}", release,
                                                  parts.source.string(), source_version));
    if (!config.version().empty() && series_of(config.version()) != series_of(source_version))
        refuse_release(parts.config, fmt::format("this configuration is of {}, the source tree is of {}",
                                                 config.version(), source_version));
    for (const auto& [name, path] : parse_index(modules_index)) {
        const auto module_release = read_module_release(path);
        if (module_release && *module_release != release)
            refuse_release(parts.vmlinux, fmt::format("this vmlinux is of release {}, the module {} is of {}", release,
                                                      path.string(), *module_release));
        break; // one speaks for all
    }
    return release;
}

void check_parts(const Parts& parts) {
    if (!fs::is_directory(parts.source))
        throw report::Refusal("target.no-source", parts.source.string(), "there is no such source tree",
                              "give the folder with the kernel's top Makefile (--sourcedir)");
    require_file(parts.config, "configuration", "give the kernel's .config");
    require_file(parts.vmlinux, "vmlinux", "give the vmlinux with symbols");
    require_file(parts.symvers, "Module.symvers",
                 "it is in the distribution's headers package, or at the top of the build "
                 "directory");
    if (!parts.modules.empty() && !fs::is_directory(parts.modules))
        throw report::Refusal("target.missing-part", parts.modules.string(), "there is no such folder of modules",
                              "give the folder that holds the kernel's .ko files (--modules)");
}

void prepare_entry(const Parts& parts, Target target, const TargetOptions& options, const std::string& version) {
    const std::string index = index_modules(parts.modules);
    target.release = check_release(parts, target.config, version, index);
    if (options.progress)
        options.progress("preparing the build directory (once per kernel)");
    if (!parts.has_clean_source)
        synchronize_mirror(parts.source, target.source);
    const Kbuild kbuild = kbuild_of(target);
    prepare_build(kbuild, parts.config, parts.symvers, options.jobs);
    list_units(kbuild, target.entry);
    note_included_sources(target);
    // The first run's patched tree, made here so that no patch pays for it.
    PatchedTree::acquire(target.source, target.entry / "patched");
    files::write(target.entry / "modules", index);
    files::write(target.entry / "release", target.release);
}

// Where everything that belongs to this kernel is kept: the name tells it from any other, and from the same folder with
// another build in it.
std::string entry_name(const Parts& parts, const std::string& config_text, const Compiler& compiler,
                       const std::string& version) {
    std::string identity = std::string(parts.has_clean_source ? "4\n" : "4 mirrored\n") +
                           fs::canonical(parts.source).string() + "\n" + config_text + "\n" + compiler.path.string() +
                           " " + compiler.version + "\n";
    for (const fs::path& part : {parts.vmlinux, parts.symvers})
        identity += files::stamp(fs::canonical(part)) + "\n";
    identity += parts.modules.empty() ? "" : fs::canonical(parts.modules).string();
    return fmt::format("kernel/{}-{}", version, host::fingerprint(identity));
}

} // namespace

Kbuild kbuild_of(const Target& target) {
    return {target.kernel_source,        target.build,
            target.config.arch(),        target.release,
            target.compiler.name,        target.compiler.is_clang,
            target.config.is_set("RUST")};
}

Target parts_target(const Parts& parts, const host::Cache& cache, const TargetOptions& options) {
    check_parts(parts);
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
    target.compiler = options.skip_compiler_check ? find_any_compiler(target.config, parts.config.string())
                                                  : find_compiler(target.config, parts.config.string());
    target.arch = target.config.arch();
    target.capabilities = read_capabilities(target.config);
    target.vmlinux = fs::canonical(parts.vmlinux);
    target.symvers = fs::canonical(parts.symvers);
    target.vmlinuz = parts.vmlinuz;
    target.boot_modules = parts.boot_modules;
    target.system_map = parts.system_map;

    const std::string name = entry_name(parts, config_text, target.compiler, target.version);
    target.entry = cache.root() / name;
    target.source = parts.has_clean_source ? fs::canonical(parts.source) : target.entry / "source";
    target.kernel_source = target.source;
    target.build = target.entry / "build";
    target.has_fixed_source = parts.has_clean_source;
    bool is_fresh = false;
    cache.entry(name, [&](const fs::path&) {
        is_fresh = true;
        prepare_entry(parts, target, options, target.version);
    });
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
    PatchedTree tree = PatchedTree::acquire(target.source, target.entry / "patched");
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
