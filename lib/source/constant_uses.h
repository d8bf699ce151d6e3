// What code does with a constant: whether a value that is kept somewhere is compared with it.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace klp::source {

// Names of members, and of static variables of the text: of `x->state = BUSY` and of `if (x->state == BUSY)` it is
// "state".
struct ConstantUses {
    std::set<std::string> stored; // the constant is written there, or bits of it
    std::set<std::string> filled; // as much as the constant says is written there: bitmap_zero(x->m, NAME)
    std::set<std::string> tested; // a value there is compared with it for equality, or masked by it
};

// Adds the uses of the macro or enumerator `name` in `text`, as they are written:
//   x->m = ... NAME ...      x->m |= NAME    .m = NAME     set_bit(NAME, &x->m)    WRITE_ONCE(x->m, NAME)   stored
//   x->m == NAME             x->m & NAME     x->m &= ~NAME test_bit(NAME, &x->m)   switch (x->m) { case NAME:   tested
// A limit (`x->m < NAME`), a size, an argument of any other call are no uses. Linear in the text.
void add_uses(std::string_view text, std::string_view name, ConstantUses& uses);

} // namespace klp::source
