// Where the value of a register comes from: follow_address() the other way round.
#pragma once

#include "arch/machine.h"

#include <functional>
#include <span>
#include <vector>

namespace klp::arch {

// What may have given a register its value.
struct Origins {
    std::vector<size_t> written_at; // instructions that write it
    std::vector<size_t> called_at;  // calls after which it is another
    bool is_from_caller = false;    // nothing did on some path from the entry
    bool is_known = true;           // false: code that is not seen may have
};

// The ways through the code of one function, which outlives it.
//
//     0  mov (%rdi), %rax
//     1  je 3
//     2  xor %eax, %eax
//     3  cmp $table, %rax      of(3, RAX): written at 0 and at 2
class OriginFinder {
public:
    // `leaves` says whether an instruction calls or jumps to another function.
    OriginFinder(const Machine& machine, std::span<const Instruction> code,
                 const std::function<bool(const Instruction&)>& leaves);

    // Of the value that the register has before instruction `at`. Linear in the size of the code.
    Origins of(size_t at, unsigned register_number) const;

private:
    // Calls visit(instruction) for each after which `at` may come.
    template <typename Visit>
    void for_each_before(size_t at, Visit visit) const;

    const Machine& machine_;
    std::span<const Instruction> code_;
    std::vector<bool> is_away_;                    // by instruction: calls or jumps to another function
    std::vector<std::pair<size_t, size_t>> jumps_; // target, branch; ordered
    std::vector<size_t> indirect_;                 // jumps through a table: to the beginning of any block
};

} // namespace klp::arch
