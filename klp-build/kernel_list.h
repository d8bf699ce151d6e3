// --list-kernels: what --kernel takes.
#pragma once

#include "host/cache.h"
#include "kernel/debian.h"

#include <string>
#include <vector>

namespace klp::build {

// The kernels of all suites and of the cache, newest first, of which `pattern` (fnmatch(3); a text without wildcards
// may stand anywhere) is for the release or for SUITE/RELEASE. Progress goes to standard error. Throws
// report::Refusal "target.download".
std::vector<kernel::OfferedKernel> find_kernels(const std::string& pattern, const host::Cache& cache);

// For people: those that can be had, and how many cannot.
std::string kernels_as_table(const std::vector<kernel::OfferedKernel>& kernels);

// All, as an array of objects: "name", "release", "version", "suite", "debug", "cached", "missing".
std::string kernels_as_json(const std::vector<kernel::OfferedKernel>& kernels);

} // namespace klp::build
