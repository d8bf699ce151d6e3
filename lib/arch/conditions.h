// What a conditional branch goes by, without where it leads: compilers turn a condition round to lay out the code
// behind it one way or the other.
//
//     je  .Lout      and     jne .Lin       the same test, the one goes on where the other jumps
#pragma once

#include "arch/instruction.h"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace klp::arch {

struct Condition {
    std::string test;                // the instruction's kind, the same for a condition and its contrary
    std::vector<int64_t> immediates; // but for the target
    bool is_contrary = false;
    auto operator<=>(const Condition&) const = default;
};

// The condition of a branch, by LLVM's names of the five machines' instructions. One of a kind that is not known has a
// test of its own.
Condition condition_of(const Instruction& branch);

} // namespace klp::arch
