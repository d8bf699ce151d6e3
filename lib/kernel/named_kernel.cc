#include "kernel/named_kernel.h"

#include "kernel/debian.h"
#include "kernel/package_folder.h"

namespace klp::kernel {

NamedKernel fetch_named_kernel(const std::string& spec, const host::Cache& cache, const Progress& progress,
                               const OnConfiguration& on_configuration) {
    if (spec.starts_with(packages_prefix))
        return find_packaged_kernel(spec.substr(packages_prefix.size()), cache, progress);
    return fetch_debian_kernel(debian_name_of(spec), cache, progress, on_configuration);
}

} // namespace klp::kernel
