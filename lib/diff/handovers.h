// Whether a register that holds an address where code calls or returns is handed over there: other registers often hold
// what is left of earlier work.
#pragma once

#include "diff/instructions.h"

#include <cstdint>

namespace klp::diff {

// The function of this unit that an instruction of `piece` calls or jumps to, or `none`.
uint32_t callee_of(const Unit& unit, const Piece& piece, const arch::Instruction& call);

// May the register be an argument of the function that instruction `at` of `piece`, whose code is `code`, calls or
// jumps to? The callee takes as many as its prototype says, which is read from the debug data; without any, all may be.
// Where a pointer leads to the callee: not if the register only led to the pointer.
//
//     ldr x2, [x1, x0, lsl #3]
//     br x2                      x1, the table, is left over
bool may_be_argument(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                     unsigned register_number);

// May the register be what `piece`, whose code is `code`, returns with instruction `at`, if it holds an address there?
// Not where a jump to another function ends the piece, and the register is that one's argument; nor where the function
// returns nothing, or a number, which is read from the debug data. Without any, what the code puts into the register at
// its returns tells: a number of half an address's width at one of them, or nothing at all, makes no address at
// another.
//
//     mov 4(%rax), %eax
//     or %eax, 4(%rdi)
//     ret                  %eax is no address here,
//     ret                  and so %rax, which walks through a table, is left over here
bool may_be_result(const Unit& unit, const Piece& piece, const Instructions& code, size_t at, unsigned register_number);

} // namespace klp::diff
