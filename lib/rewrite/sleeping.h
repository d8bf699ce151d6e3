// May the code at a place sleep? Told by the words of the function around it.
#pragma once

#include <cstddef>
#include <string_view>

namespace klp::rewrite {

enum class Context {
    may_sleep, // the function sleeps by itself, and holds nothing at that place that forbids it
    atomic     // it may not, or nobody can tell
};

// `body`: a function's text, from its opening brace to behind the closing one; `offset` is a place in it. What takes a
// spinlock, disables interrupts or preemption or enters an RCU read section forbids sleeping until what ends it, in the
// same block or an outer one: an end in an inner block may be one of several ways out. guard(spinlock) and its like do
// so until their block ends.
//
//     spin_lock(&a);
//     if (error) {
//             spin_unlock(&a);
//             return error;
//     }
//     HERE                        still atomic
Context context_at(std::string_view body, size_t offset);

// Does nothing in the body forbid sleeping at that place? Its callers may.
bool is_free_at(std::string_view body, size_t offset);

} // namespace klp::rewrite
