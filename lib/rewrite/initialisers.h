// What makes a member ready for use.
#pragma once

#include <clang/AST/Type.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::rewrite {

// Is this a macro or function that makes an object ready which it gets the address of: mutex_init(), INIT_LIST_HEAD()?
bool is_initialiser(std::string_view name);

// Is zero what that leaves, as INIT_HLIST_HEAD() does?
bool leaves_zero(std::string_view initialiser);

// What a constant is written in where such a function stores it: "ATOMIC_INIT" for atomic_set(); empty for all others.
std::string_view constant_for(std::string_view function);

// A part of a member for which zero is no state: a lock, a list, a work item.
struct UnreadyPart {
    std::string path; // from the member's name on: "" if it is all of it, ".lock", "[at].list"
    std::string type; // as C writes it
    // What needs no more than the address: "mutex_init" for struct mutex. Empty for a work item, which has a function,
    // and for what is inside of a named structure, which has its own way of being made ready.
    std::string initialiser;
    std::optional<std::string> array; // the path of the array that `at` is an index of
};

std::vector<UnreadyPart> unready_parts(clang::QualType type);

// What runs later by itself, and so must not be left behind by a patch that goes.
struct Deferred {
    bool is_rcu = false;     // behind a grace period
    bool is_queued = false;  // on a workqueue
    std::string_view cancel; // of the member's address, keeps it from running; empty if there is no such function
};
std::optional<Deferred> deferred(clang::QualType type);

} // namespace klp::rewrite
