// A target by name: the packages' parts.
#include "kernel/debian.h"
#include "kernel/target.h"

namespace klp::kernel {

Target debian_target(const std::string& spec, const host::Cache& cache, const TargetOptions& options) {
    const DebianKernel kernel = fetch_debian_kernel(debian_name_of(spec), cache, options.progress);
    Target target = parts_target({.name = std::string(debian_prefix) + kernel.release,
                                  .source = kernel.source,
                                  .config = kernel.config,
                                  .vmlinux = kernel.vmlinux,
                                  .modules = kernel.modules,
                                  .symvers = kernel.symvers,
                                  .vmlinuz = kernel.vmlinuz,
                                  .boot_modules = kernel.boot_modules,
                                  .system_map = kernel.system_map,
                                  .has_clean_source = true},
                                 cache, options);
    if (!kernel.has_debug)
        target.findings.push_back(
            {"target.no-debug-package", report::Severity::note, target.name, "",
             "there is no package with this kernel's debug data: symbols come from the boot image and from the modules "
             "as they "
             "are loaded",
             "what the debug data would have proven is left out; the report says what is proven"});
    return target;
}

} // namespace klp::kernel
