// The instructions of a piece of code, read once.
#pragma once

#include "diff/unit.h"

#include <span>
#include <unordered_map>
#include <vector>

namespace klp::diff {

using Instructions = std::vector<arch::Instruction>;

// Those from the entry on; none for data.
Instructions read_instructions(const Unit& unit, const Piece& piece);

// Of a unit, which outlives it: what has been read of its pieces is read once. Not thread-safe.
class CodeReader {
public:
    explicit CodeReader(const Unit& unit) : unit_(unit) {}

    const Unit& unit() const { return unit_; }
    // As read_instructions().
    const Instructions& code_of(uint32_t piece);
    // The relocations of `piece` that lead to the piece `target`, by offset.
    std::span<const elf::Relocation* const> references(uint32_t piece, uint32_t target);

private:
    using ByTarget = std::unordered_map<uint32_t, std::vector<const elf::Relocation*>>;

    const Unit& unit_;
    std::unordered_map<uint32_t, Instructions> code_;
    std::unordered_map<uint32_t, ByTarget> references_;
};

// The number of the instruction that the byte at `offset` of the section is in; the size of `code` if that is in the
// padding before the function.
size_t instruction_at(const Instructions& code, uint64_t offset);

// A return that goes through a thunk for the sake of the processor's branch prediction (arch/x86/lib/retpoline.S,
// arch/s390/lib/expoline.S).
bool returns_through_thunk(const Unit& unit, const Piece& piece, const arch::Instruction& instruction);

} // namespace klp::diff
