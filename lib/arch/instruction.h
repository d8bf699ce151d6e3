// An instruction as LLVM's MC layer reads it, reduced to what the differ asks. LLVM's headers stay in instruction.cc
// and operands.cc.
#pragma once

#include "elf/object.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace klp::arch {

// Up to six values without a heap: no machine's instruction has more operands that count.
template <typename Value>
class Few {
public:
    void push_back(Value value) {
        if (count_ < values_.size())
            values_[count_++] = value;
    }
    size_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    auto begin() const { return values_.begin(); }
    auto end() const { return values_.begin() + static_cast<std::ptrdiff_t>(count_); }
    Value operator[](size_t at) const { return values_[at]; }
    bool operator==(const Few&) const = default;

private:
    std::array<Value, 6> values_{};
    size_t count_ = 0;
};

struct Instruction {
    uint64_t offset = 0; // in its section
    uint32_t size = 0;
    unsigned opcode = 0; // LLVM's number: the same for the same kind of instruction and operands
    bool is_valid = false;
    bool is_branch = false;
    bool is_call = false;
    bool is_move_immediate = false;
    bool ends_flow = false;                // what follows is not reached from here: a return, a jump always taken
    std::optional<uint64_t> branch_target; // of a direct branch, an offset in the section
    unsigned target_immediate = 0;         // which of the immediates that is
    Few<unsigned> registers;               // LLVM's register numbers, operand by operand
    std::string_view first_register;       // LLVM's name of the first: the one that a load or move writes
    std::string_view second_register;      // and of the second
    std::string_view mnemonic;             // LLVM's name of the opcode: "MOV32ri"
    Few<int64_t> immediates;
    // What it does with its operands. Registers are by the number of the widest register that holds them.
    bool reads_memory = false;
    bool writes_memory = false;
    bool is_compare = false;
    bool is_xor = false;        // zero for values that are equal
    bool is_difference = false; // of two values, perhaps a comparison as well
    unsigned minuend = 0;       // the register that something is taken from there
    bool is_return = false;
    bool is_pool_load = false;  // from a constant behind the code, of which the instruction has the distance (AArch64)
    bool is_trap = false;       // nobody gets past it
    bool has_address = false;   // one operand is an address in parts, whether or not memory is accessed there
    bool has_immediate = false; // beside the parts of an address
    int64_t displacement = 0;   // of the address
    Few<unsigned> address_registers; // base and index; neither the program counter nor a register that is always zero
    Few<unsigned> stepped_registers; // those of them that the instruction adds to: `ldr x0, [x1], #8`
    Few<unsigned> read_registers;    // whose value is used, other than in an address
    Few<unsigned> written_registers;
    std::string text; // only if asked for
};

// LLVM's disassembler for one machine. Not thread-safe: one per thread.
class Disassembler {
public:
    // Throws report::Refusal "arch.no-disassembler" if this LLVM was built without the target.
    Disassembler(const char* triple, const char* processor, const char* features);
    ~Disassembler();
    Disassembler(const Disassembler&) = delete;
    Disassembler& operator=(const Disassembler&) = delete;

    // The instruction at `offset` of `section`, reading no byte at or beyond `end`.
    Instruction decode(elf::Bytes section, uint64_t offset, uint64_t end, bool with_text);
    // Where an instruction that is no branch reads, writes or points to, if it says that by a distance from itself: an
    // offset in the section. It means something only where no relocation fills the distance in.
    std::optional<uint64_t> near_target(elf::Bytes section, const Instruction& instruction);
    // LLVM's name of a register number.
    std::string_view register_name(unsigned number) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace klp::arch
