// What an instruction does with an address: makes it, copies it, or puts it into memory.
#pragma once

#include "arch/instruction.h"
#include "arch/machine.h"

#include <cstdint>

namespace klp::arch {

struct AddressUse {
    enum class Does : uint8_t {
        other,
        makes,           // the address that its relocation names, in `result`
        copies,          // the register `values[0]` to `result`
        stores,          // the registers `values` to memory at `base`
        stores_immediate // the address that its last relocation names to memory at `base`
    };
    Does does = Does::other;
    // Registers, by numbers that are the same for the same register of one machine.
    unsigned result = 0; // of `other`: the first operand, which most instructions write
    Few<unsigned> values;
    unsigned base = 0;          // 0: memory that is named, not pointed to
    bool is_on_stack = false;   // of stores: the base is the stack pointer
    bool sets_up_frame = false; // a copy of the stack pointer: `result` points to the stack from here on
};

// By LLVM's names of opcodes, for the instructions that compilers make of `object->member = &thing`. What is not known
// here is `other`. Instructions that only load from, or add to, what their relocation names do not make an address.
AddressUse address_use(const Machine& machine, const Instruction& instruction);

} // namespace klp::arch
