// Macros that name one bit, where a bit gets another name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct ReusedBit {
    std::string name; // of the flag that has it now
    std::string was;  // the flag that had it before
    uint64_t bit = 0; // its value
};

// `#define FOO_BUSY 0x8` (or 8, 1 << 3, BIT(3)) whose name is gone and whose bit a new FOO_ name has. Both are texts of
// one file. Values that are no single bit are no flags. Sorted by name. A flag that keeps its name and moves is a
// changed constant (constants.h).
std::vector<ReusedBit> reused_bits(std::string_view before, std::string_view after);

} // namespace klp::source
