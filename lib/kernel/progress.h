// What people are told of work that takes long.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace klp::kernel {

// Either may be missing, and may be called by any thread, one at a time.
struct Progress {
    std::function<void(const std::string&)> line;                 // what is being done
    std::function<void(uint64_t arrived, uint64_t of_all)> bytes; // of what is being fetched

    explicit operator bool() const { return line != nullptr; }
    void operator()(const std::string& text) const { line(text); }
};

// Lines on the standard error, without stages.
Progress on_standard_error();

} // namespace klp::kernel
