// Macros that name one bit, and what a patch does to them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct FlagChange {
    std::string name;     // of the flag as it is now
    std::string was;      // the flag that had the bit before; the same name if the flag moved
    uint64_t bit = 0;     // its value now
    uint64_t old_bit = 0; // of a flag that moved, its value before
};

// `#define FOO_BUSY 0x8` (or 8, 1 << 3, BIT(3)) that has another bit in `after`, or whose name is gone and whose bit a
// new FOO_ name has. Both are texts of one file. Values that are no single bit are no flags. Sorted by name.
std::vector<FlagChange> compare_flags(std::string_view before, std::string_view after);

} // namespace klp::source
