// Functions that change because read-only data does.
#pragma once

#include "diff/pair.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace klp::diff {

// A copy of it is as good as what the kernel has: nobody writes it, no other unit knows its name, and it outlives the
// start of the kernel or module.
bool is_copyable(const Unit& unit, uint32_t piece);

// What follows from changed data, by patched piece.
struct DataChanges {
    std::vector<bool> users;     // functions that use copyable data of new content, with their parts
    std::vector<bool> variables; // that data, and the copyable data between
    // Copyable data of new content that cannot be copied, as somebody keeps or compares its address: who, how.
    std::unordered_map<uint32_t, std::string> identities;
};

// New content of read-only data of the unit's own (a netlink message's __msg, a table of constants) is new behaviour of
// those that use it. Data that somebody else sees, a writable pointer for example, has no users here: the selection
// refuses it; nor has data whose section the author leaves out. `changed`: by patched piece, variables whose content
// differs.
DataChanges find_data_changes(const Pair& pair, const std::vector<bool>& changed);

} // namespace klp::diff
