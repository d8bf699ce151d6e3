// The kernels and cells of a fleet: what its file says, with every pattern filled in.
#pragma once

#include "fleet_cell.h"
#include "fleet_file.h"
#include "options.h"

#include <functional>

namespace klp::build {

// A kernel that is ready for its cells, or why it is not.
struct ReadyKernel {
    std::string label;              // names its column and folder: "6.12.117+deb12-cloud-amd64"
    std::vector<std::string> names; // that patterns are held against
    std::vector<std::string> words; // klp-build's options that name exactly it
    std::string identity;           // by what its image, configuration and symbol versions are
    std::string release;
    std::vector<report::Finding> problems; // not empty: it is not ready
};

struct Cell {
    size_t kernel = 0; // in the list of kernels
    std::string patch;
    std::filesystem::path folder;
    Order order;
    std::optional<Expectation> expected;
    std::vector<report::Finding> problems; // of its kernel: there is no order then
};

// The fleet's kernels in its order, patterns replaced by the newest to the oldest of what the cache and the package
// archive have; one that is named twice is there once. Each is made ready, as klp-build --print-target does, several at
// a time; `tell` gets lines for people. Throws report::Refusal "fleet.no-kernel" for a pattern that covers none, and
// what looking for kernels does.
std::vector<ReadyKernel> ready_kernels(const Fleet& fleet, const Options& options,
                                       const std::function<void(const std::string&)>& tell);

// A cell for each kernel and patch but where the patch has no files for the kernel; row by row. `folder` is the
// output's. Throws as reading a patch does, and "fleet.bad-file" for two kernels of one label.
std::vector<Cell> cells_of(const Fleet& fleet, const std::vector<ReadyKernel>& kernels,
                           const std::filesystem::path& folder);

} // namespace klp::build
