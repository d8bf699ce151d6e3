// Which calls give memory back.
#pragma once

#include <clang/AST/Expr.h>

#include <optional>

namespace klp::rewrite {

struct FreeingCall {
    const clang::Expr* what = nullptr; // the argument that leads to the memory
    bool is_several = false;           // it leads to more objects than one: an array of pointers, or each processor's
};

// By its shape: a function whose name says that it frees (kfree(), kmem_cache_free(), devm_kfree(), free_page()), and
// which gets memory that has no type. What frees an object by its type is the author's own, and found by what it calls.
std::optional<FreeingCall> freeing_call(const clang::CallExpr& call);

} // namespace klp::rewrite
