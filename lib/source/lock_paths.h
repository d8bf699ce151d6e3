// One lock by two access paths.
#pragma once

#include <string_view>

namespace klp::source {

// Whether two PrimitiveUse::what of locks that differ may be one lock, which the functions only reach from elsewhere:
// "spinlock ->tcon.tc_lock" and "spinlock ->tc_lock". The member's name must say whose it is: "->a.lock" and
// "->lock" are two, since any structure may have a `lock`.
bool is_perhaps_one_lock(std::string_view one, std::string_view other);

} // namespace klp::source
