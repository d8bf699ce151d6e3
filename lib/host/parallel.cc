#include "host/parallel.h"

#include "report/interruption.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace klp::host {

unsigned processor_count() {
    return std::max(1u, std::thread::hardware_concurrency());
}

void parallel_for(size_t count, unsigned jobs, const std::function<void(size_t)>& work) {
    std::atomic<size_t> next = 0;
    std::mutex failure_lock;
    size_t failed_index = count;
    std::exception_ptr failure;
    const auto loop = [&] {
        for (size_t index; (index = next++) < count;) {
            try {
                report::stop_if_interrupted();
                work(index);
            } catch (...) {
                const std::lock_guard lock(failure_lock);
                if (index < failed_index) {
                    failed_index = index;
                    failure = std::current_exception();
                }
                next = count;
            }
        }
    };
    const size_t wanted = std::min<size_t>(count, jobs == 0 ? processor_count() : jobs);
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < wanted; ++i)
        threads.emplace_back(loop);
    loop();
    threads.clear();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace klp::host
