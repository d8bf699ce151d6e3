// The objects in the input of a fuzz target.
#pragma once

#include "elf/object.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace klp::fuzz {

using Input = std::span<const uint8_t>;

// Throws report::Refusal, as most of what a fuzzer thinks of is no object.
inline elf::Object read_object(const char* name, Input input) {
    const elf::Bytes bytes = std::as_bytes(input);
    return elf::Object::from_bytes(name, {bytes.begin(), bytes.end()});
}

// Two files in one input: the size of the first (4 bytes, little-endian), the first, the second.
inline std::pair<Input, Input> split(Input input) {
    if (input.size() < 4)
        return {};
    size_t first = 0;
    for (unsigned at = 0; at < 4; ++at)
        first |= size_t{input[at]} << (8 * at);
    const Input both = input.subspan(4);
    first = std::min(first, both.size());
    return {both.first(first), both.subspan(first)};
}

} // namespace klp::fuzz
