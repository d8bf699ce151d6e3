// What code does with an address that it takes: reads what is there, or lets the address itself out. Of the instruction
// that names it (field_use()), and along every path of a function (follow_address()).
#pragma once

#include "arch/machine.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace klp::arch {

// What the field of a relocation is to its instruction.
enum class FieldUse : uint8_t {
    unknown,       // no instruction that is understood
    part,          // the upper part of an address: the instruction with the lower part says what becomes of it
    branch,        // a call or jump
    access,        // memory at exactly that address
    indexed,       // memory at that address and what registers add to it
    taken,         // the address goes into a register
    indexed_taken, // the same, with what registers add to it
    compared,
    stored
};

FieldUse field_use(const Machine& machine, const Instruction& instruction, const elf::Relocation& relocation);

// The instruction writes to the memory that the relocation names, or to that and what registers add to it.
bool writes_to_field(const Instruction& instruction, const elf::Relocation& relocation, const Machine& machine);

// A call, a jump to a function or a return, with the address in a register of an argument or a result.
struct Handover {
    size_t at = 0; // instruction
    unsigned register_number = 0;
    auto operator<=>(const Handover&) const = default;
};

// What becomes of an address in a register. Nothing but is_known: it is not used.
struct AddressUses {
    bool is_known = true;            // false: all of the others may be so
    bool is_accessed_there = false;  // at the address itself, or a fixed way behind it
    std::vector<size_t> accessed_at; // instructions that read or write memory through it
    std::vector<size_t> loaded_at;   // those of them that load as much as a pointer takes
    std::vector<size_t> stored_at;   // instructions that put it, or what was made of it, into memory
    std::vector<Handover> passed;
    std::vector<Handover> returned;  // returns, and jumps to functions, where a register of a result holds it
    std::vector<size_t> compared_at; // instructions that compare it, or what was made of it, with another value
    std::vector<Handover>
        comparing; // instructions that compare it, with whatever, and the registers that hold it there
    bool is_accessed() const { return !accessed_at.empty(); }
    bool is_stored() const { return !stored_at.empty(); }
    bool is_passed() const { return !passed.empty(); }
    bool lets_out() const {
        return !is_known || is_passed() || is_stored() || !returned.empty() || !compared_at.empty();
    }
};

// It loads as much as a pointer takes.
bool loads_pointer(const Machine& machine, const Instruction& instruction);

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
// The same of an address that a register holds before instruction `at`: what a function gets in an argument.
AddressUses follow_register(const Machine& machine, std::span<const Instruction> code, size_t at,
                            unsigned register_number, const std::function<bool(const Instruction&)>& leaves);

} // namespace klp::arch
