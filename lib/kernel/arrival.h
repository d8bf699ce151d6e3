// Watching packages arrive, since apt prints nothing that could be shown.
#pragma once

#include "kernel/progress.h"

#include <cstdint>
#include <filesystem>
#include <thread>

namespace klp::kernel {

// Tells `progress` several times a second how many bytes of `expected` (0: unknown, nothing is told) have come into
// packages (*.deb) anywhere below `folder`. Those that went again have come nevertheless.
class ArrivalWatch {
public:
    ArrivalWatch(std::filesystem::path folder, uint64_t expected, const Progress& progress);

private:
    std::jthread thread_; // stopped and joined at the end
};

} // namespace klp::kernel
