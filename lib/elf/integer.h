// Integers as bytes of a file, in its own order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace klp::elf {

// Fills `place` with the low bytes of `value`, as many as there is room for.
inline void put_integer(std::span<std::byte> place, uint64_t value, bool is_little_endian) {
    for (size_t at = 0; at < place.size(); ++at)
        place[at] = static_cast<std::byte>(value >> (8 * (is_little_endian ? at : place.size() - 1 - at)));
}

} // namespace klp::elf
