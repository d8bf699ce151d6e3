// Arithmetic on offsets and addends. They come from files and may be anything, so it wraps around instead of overflowing.
#pragma once

#include <cstdint>

namespace klp::elf {

// a + b and a - b modulo 2^64, as the kernel's loader and the linkers calculate.
inline int64_t sum(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t difference(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

} // namespace klp::elf
