// Whether anybody could tell a copy of a read-only variable, or of a string, from the thing itself: by its address,
// which is compared or kept somewhere.
//
//     if (file->f_op != &timerfd_fops)      compared: files that are open hold the kernel's table
//     file->f_op = &timerfd_fops;           kept: the file outlives the live patch
//     nla_parse(tb, MAX, head, len, policy) passed on: nobody keeps a table of numbers
//     return names[state];                  only its content counts
#pragma once

#include "diff/code_pointers.h"
#include "diff/instructions.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace klp::diff {

// What `function` and its parts do with the address of `variable`, if a copy in its place might be noticed:
// "compares its address", "stores its address", "passes its address on", "passes its address to keep, which stores it".
// A table that does not lead to code may be passed on to functions of other units. Where the code cannot be followed,
// any use of the address of a table that leads to code (`code`, of the reader's unit) counts. The same of what is
// loaded from the variable where it holds pointers to the variables `pointed`.
std::optional<std::string> identity_use(CodeReader& reader, const CodePointers& code, uint32_t function,
                                        uint32_t variable, std::span<const uint32_t> pointed);

// The bytes of the constant without a name, or with one that the compiler gave it (__func__), that a reference points
// into, or to the end of; of a string with its end, so that "" is not empty. Empty if it leads to none.
std::string_view constant_meant(const Unit& unit, const Reference& reference);

// What code does with the addresses of such constants by which a copy could be told.
struct ConstantUses {
    bool is_compared = false; // with a pointer that comes out of memory, from a caller or from a call
    bool is_let_out = false;  // stored, returned or passed on within the unit
};

// What `piece` does with a constant that these relocations of it name, of which there is one at least: code by what its
// instructions do, data lets out what it holds.
ConstantUses constant_uses(CodeReader& reader, uint32_t piece, std::span<const elf::Relocation* const> relocations);

} // namespace klp::diff
