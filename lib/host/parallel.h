// Independent pieces of work on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace klp::host {

// Calls work(0) ... work(count - 1), at most `jobs` at a time (0: as many as the machine has processors), and waits for
// all. If calls throw, no further ones are started and the exception of the lowest index is thrown again here.
void parallel_for(size_t count, unsigned jobs, const std::function<void(size_t)>& work);

// The number of processors we may use, at least 1.
unsigned processor_count();

} // namespace klp::host
