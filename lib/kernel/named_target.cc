// A target by name.
#include "files/files.h"
#include "kernel/named_kernel.h"
#include "kernel/target.h"

namespace klp::kernel {

namespace {

Parts parts_of(const NamedKernel& kernel, const std::filesystem::path& source) {
    Parts parts{.name = kernel.name,
                .source = kernel.source,
                .config = kernel.config,
                .vmlinux = kernel.vmlinux,
                .modules = kernel.modules,
                .symvers = kernel.symvers,
                .vmlinuz = kernel.vmlinuz,
                .boot_modules = kernel.boot_modules,
                .system_map = kernel.system_map,
                .has_clean_source = source.empty()};
    if (!source.empty())
        parts.source = source;
    if (parts.source.empty())
        throw report::Refusal(
            "target.no-source", kernel.name,
            "none of the packages has the kernel's source (a source package of rpm does not count: its patches "
            "are to be applied as its spec says)",
            "give the source tree as well: --sourcedir DIR");
    return parts;
}

} // namespace

Target named_target(const std::string& spec, const std::filesystem::path& source, const host::Cache& cache,
                    const TargetOptions& options) {
    // A compiler that this system does not have comes in a system of its own, which takes as long as the kernel's
    // packages.
    const auto make_tools = [&](const std::string& name, const std::filesystem::path& config) {
        tools_of(Config(files::read_text(config)), config, name, cache, options);
    };
    const NamedKernel kernel = fetch_named_kernel(spec, cache, options.progress, make_tools);
    Target target = parts_target(parts_of(kernel, source), cache, options);
    if (!kernel.has_debug)
        target.findings.push_back(
            {"target.no-debug-package", report::Severity::note, target.name, "",
             "there is no package with this kernel's debug data: symbols come from the boot image and from the modules "
             "as they are loaded",
             "what the debug data would have proven is left out; the report says what is proven"});
    return target;
}

} // namespace klp::kernel
