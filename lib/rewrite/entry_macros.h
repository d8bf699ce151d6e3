// Macros of the kernel that lead from a member back to the object it is in: container_of(), list_for_each_entry().
#pragma once

#include "rewrite/edits.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace klp::rewrite {

// What is kept beside an object has the object's address, in a member `object`.
struct EntryEdits {
    std::set<Edit> edits;
    bool is_loop = false;      // needs each_macro()
    bool is_safe_loop = false; // needs each_safe_macro()
};

// The edits that make the macro's invocation at `offset` lead to the object from what is kept in a
// `struct STRUCTURE`; nothing if it is none of those that are known (include/linux: container_of.h, list.h, rbtree.h,
// llist.h, timer.h).
//
//     container_of(work, struct netpoll, refill)   container_of(work, struct klp_netpoll, refill)->object
//     list_for_each_entry(ml, &gone, node)         klp_netpoll_each(ml, &gone, node)
std::optional<EntryEdits> edits_of_entry(std::string_view text, size_t offset, const std::string& structure);

// The definitions of the loops.
std::string each_macro(const std::string& structure);
std::string each_safe_macro(const std::string& structure);

} // namespace klp::rewrite
