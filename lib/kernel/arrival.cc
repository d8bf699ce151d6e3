#include "kernel/arrival.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <numeric>
#include <stop_token>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds between_looks{200};

// The largest size that a package of that name was seen with. apt moves it out of partial/ when it is whole, and it
// goes once it is unpacked.
using Sizes = std::map<std::string, uint64_t>;

void look(const fs::path& folder, Sizes& sizes) {
    std::error_code error;
    for (fs::recursive_directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
        if (file->path().extension() != ".deb")
            continue;
        std::error_code gone;
        const uint64_t size = fs::file_size(file->path(), gone);
        uint64_t& largest = sizes[file->path().filename()];
        largest = std::max(largest, gone ? 0 : size);
    }
}

uint64_t sum_of(const Sizes& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), uint64_t{0},
                           [](uint64_t sum, const auto& file) { return sum + file.second; });
}

} // namespace

ArrivalWatch::ArrivalWatch(fs::path folder, uint64_t expected, const Progress& progress) {
    if (!progress.bytes || expected == 0)
        return;
    thread_ = std::jthread([folder = std::move(folder), expected, tell = progress.bytes](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        Sizes sizes;
        while (!stopped.wait_for(lock, stop, between_looks, [] { return false; }) && !stop.stop_requested()) {
            look(folder, sizes);
            tell(std::min(sum_of(sizes), expected), expected);
        }
    });
}

} // namespace klp::kernel
