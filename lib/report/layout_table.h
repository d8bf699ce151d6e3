// A layout that a patch changes, member by member, as it is before and after it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace klp::report {

// A member, or padding, on one side; both texts are empty where that side has nothing there.
struct LayoutCell {
    std::string place;  // "8", "64:3" for a bit of a byte
    std::string member; // "u64 shown", "(4 bytes of padding)"

    bool operator==(const LayoutCell&) const = default;
};

struct LayoutRow {
    char sign = ' '; // '-' only before, '+' only after, '>' moved, '!' another type or size, ' ' the same
    LayoutCell before;
    LayoutCell after;
};

struct LayoutTable {
    std::string name;  // "struct timerfd_ctx"
    std::string where; // FILE:LINE of the declaration in the patched source
    uint64_t size_before = 0;
    uint64_t size_after = 0;
    std::vector<LayoutRow> rows;
};

} // namespace klp::report
