// Getting one of Debian's kernels into the cache without installing it.
#pragma once

#include "host/cache.h"
#include "kernel/catalogue.h"
#include "kernel/named_kernel.h"

#include <string>
#include <vector>

namespace klp::kernel {

// A release is looked for in all suites, the host's first; a series in the host's suite. What a name other than a
// release means is asked once a day. Throws report::Refusal "target.debian-unknown", "target.debian-incomplete" (both
// name the nearest), "target.download", "target.archive-keys".
NamedKernel fetch_debian_kernel(const DebianName& name, const host::Cache& cache, const Progress& progress,
                                const OnConfiguration& on_configuration);

// What there is to be fetched, and what is there.
struct OfferedKernel {
    DebianPackages packages;
    bool is_cached = false;
};

// The kernels of `suites`, newest first, and those in the cache; a suite that cannot be asked is left out, and
// `progress` is told. Throws "target.download" if there are none at all for that reason.
std::vector<OfferedKernel> offered_kernels(const std::vector<std::string>& suites, const host::Cache& cache,
                                           const Progress& progress);

} // namespace klp::kernel
