// What makes a member ready for use.
#pragma once

#include <clang/AST/Type.h>

#include <optional>
#include <string>
#include <string_view>

namespace klp::rewrite {

// Is this a macro or function that makes an object ready which it gets the address of: mutex_init(), INIT_LIST_HEAD()?
bool is_initialiser(std::string_view name);

// Zero is no state of these: a lock, a list, a work item.
bool needs_initialiser(clang::QualType type);

// The one that needs no more than the address: "mutex_init" for struct mutex; none for a work item, which has a
// function.
std::optional<std::string> initialiser_of(clang::QualType type);

// What runs later by itself, and so must not be left behind by a patch that goes.
struct Deferred {
    bool is_rcu = false;     // behind a grace period
    bool is_queued = false;  // on a workqueue
    std::string_view cancel; // of the member's address, keeps it from running; empty if there is no such function
};
std::optional<Deferred> deferred(clang::QualType type);

} // namespace klp::rewrite
