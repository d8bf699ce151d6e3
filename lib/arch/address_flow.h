// What code does with an address that it takes: reads what is there, or lets the address itself out.
#pragma once

#include "arch/machine.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace klp::arch {

// What the field of a relocation is to its instruction.
enum class FieldUse : uint8_t {
    unknown,       // this machine's operands are not understood
    branch,        // a call or jump
    access,        // memory at exactly that address
    indexed,       // memory at that address and what registers add to it
    taken,         // the address goes into a register
    indexed_taken, // the same, with what registers add to it
    compared,
    stored
};

// `width`: of the relocation's field, in bytes.
FieldUse field_use(const Instruction& instruction, const elf::Relocation& relocation, unsigned width);

// What becomes of an address in a register. Everything false and is_known: it is not used.
struct AddressUses {
    bool is_known = true;           // false: all of the others may be so
    bool is_accessed = false;       // memory is read or written through it
    bool is_accessed_there = false; // at the address itself, or a fixed way behind it
    bool is_passed = false;         // in a register that holds an argument where a function is called
    bool is_stored = false;
    bool is_returned = false;
    std::vector<size_t> compared_at; // instructions that compare it, or what was made of it, with another register
    bool lets_out() const { return !is_known || is_passed || is_stored || is_returned || !compared_at.empty(); }
};

// Follows the address that instruction `at` of `code` puts into a register, along every path of the function:
//
//     mov $table, %rbx         taken
//     mov 8(%rbx), %rax        accessed, at 8
//     add $16, %rbx            still it, or what was made of it
//     cmp %r12, %rbx           compared
//     mov %rbx, %rdi
//     call f                   passed
//
// `leaves` says whether an instruction calls or jumps to another function. Linear in the size of `code`.
AddressUses follow_address(const Machine& machine, std::span<const Instruction> code, size_t at,
                           const std::function<bool(const Instruction&)>& leaves);

} // namespace klp::arch
