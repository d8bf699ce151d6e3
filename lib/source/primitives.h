// The kernel's primitives that bind code together which runs at different times: locks, counted references, and
// waiting. What a function's text does with them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct PrimitiveUse {
    // begins, ends: what one function does and another undoes, as by their names sb_start_write() and sb_end_write().
    enum class Does : uint8_t { locks, unlocks, gets, puts, wakes, waits, begins, ends };
    Does does = Does::locks;
    // What is locked, counted or waited for, as far as a name tells: "mutex ->wqh.lock" of mutex_lock(&ctx->wqh.lock),
    // "dev" of dev_put(dev), "count ->users" of refcount_inc(&node->users) or node->users++. Equal for what may be the
    // same.
    std::string what;
    std::string spelling; // the primitive's name
    bool is_try = false;  // it may fail in place of waiting: spin_trylock()

    bool operator==(const PrimitiveUse&) const = default;
};

// `tokens`: a function's text with a blank between tokens (function_texts.h). In the order of the text.
std::vector<PrimitiveUse> primitive_uses(std::string_view tokens);

// A lock that is taken while another is held.
struct LockOrder {
    std::string outer, inner; // PrimitiveUse::what
    auto operator<=>(const LockOrder&) const = default;
};

// In the order of the text; what a block that ends in a return or jump unlocks is held after it:
//
//     mutex_lock(&a); if (bad) { mutex_unlock(&a); return; } mutex_lock(&b);     a, then b
std::vector<LockOrder> lock_orders(std::string_view tokens);

} // namespace klp::source
