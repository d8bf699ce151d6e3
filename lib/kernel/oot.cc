// A module that was built outside of the kernel's tree.
#include "files/files.h"
#include "host/cache.h"
#include "host/inventory.h"
#include "kernel/banner.h"
#include "kernel/includes.h"
#include "kernel/kbuild.h"
#include "kernel/mirror.h"
#include "kernel/target.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

void check_module(const Target& kernel, const fs::path& module, const fs::path& source) {
    if (!fs::is_regular_file(module))
        throw report::Refusal("target.missing-part", module.string(), "there is no such module file",
                              "give the .ko that is loaded, with its symbols");
    if (!fs::is_directory(source))
        throw report::Refusal("target.no-source", source.string(), "there is no such folder",
                              "give the folder with the module's Makefile or Kbuild");
    const auto release = read_module_release(module);
    if (release && *release != kernel.release)
        throw report::Refusal("target.wrong-release", module.string(),
                              fmt::format("this module is for {}, the kernel is {}", *release, kernel.release),
                              "give the module that was built for this kernel");
}

void list_module_units(const Target& target, const fs::path& folder) {
    const host::Outcome outcome =
        host::run(dry_run_command(kbuild_of(target), {"M=" + target.source.string(), "modules"}, 1));
    const std::vector<BuildUnit> units = parse_dry_run(outcome.output, target.source);
    if (units.empty())
        throw report::Refusal("target.no-units", target.source.string(),
                              "kbuild finds nothing to compile in the module's folder:\n" +
                                  host::last_lines(outcome.errors, 10),
                              "give the folder that `make M=` is called with");
    files::write(folder / "units", write_units(units));
    files::write(folder / "steps", write_steps(parse_steps(outcome.output, {target.source, target.build})));
}

} // namespace

Target oot_target(const Target& kernel, const fs::path& module, const fs::path& source, const host::Cache& cache,
                  const TargetOptions& options) {
    check_module(kernel, module, source);
    const fs::path real_source = fs::canonical(source);
    const std::string name = fmt::format("module/{}-{}", real_source.filename().string(),
                                         host::fingerprint(kernel.entry.string() + "\n" + real_source.string()));
    Target target = kernel;
    target.name = source.string();
    target.entry = target.state = cache.root() / name;
    target.source = target.entry / "source";
    target.compiler.system.readable.push_back(real_source);
    target.has_fixed_source = false;
    std::string module_name = module.stem().string();
    std::replace(module_name.begin(), module_name.end(), '-', '_');
    target.modules[module_name] = fs::canonical(module);
    cache.entry(name, [&](const fs::path& folder) { host::note_origin(folder, real_source); });
    // Such trees are small and worked on: looked at anew each time.
    const host::FileLock held = cache.lock(name);
    if (options.progress)
        options.progress("listing the units of the module");
    synchronize_mirror(real_source, target.source);
    list_module_units(target, target.entry);
    note_included_sources(target);
    return target;
}

} // namespace klp::kernel
