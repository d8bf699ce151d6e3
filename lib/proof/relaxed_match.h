// The same code with jumps of other lengths. A unit that is compiled with -ffunction-sections jumps to a neighbouring
// function with a long jump and a relocation; in the kernel's own build both were in one section, and the assembler
// made the jump short, which moves everything behind it.
#pragma once

#include "arch/field.h"
#include "elf/object.h"

#include <optional>
#include <span>
#include <vector>

namespace klp::proof {

// How the code of a function lies in the image. Offsets count from the function's start on either side.
struct RelaxedMatch {
    struct Pair {
        uint64_t ours = 0, theirs = 0;
        uint32_t size = 0; // of the unit's instruction; 0 where the image's has another
    };
    std::vector<Pair> instructions; // sorted, with the ranges that the build rewrites; padding is left out
    // Where the symbol of a jump that became shorter lies, as an offset from the image's function.
    struct Jump {
        uint32_t symbol = 0;
        int64_t place = 0;
    };
    std::vector<Jump> jumps;

    // Where the byte `ours` of the unit's function is in the image; nothing if it is part of a jump that became
    // shorter.
    std::optional<uint64_t> theirs(uint64_t ours) const;
};

// Compares `function` of `unit` with the bytes of a function of the image, instruction by instruction: fields of
// relocations and the ranges that the build rewrites (`rewritten`, sorted) are passed over, padding between
// instructions may differ, jumps must lead to the same instruction. Nothing if they are not the same. Linear in their
// size.
std::optional<RelaxedMatch> match_relaxed(const elf::Object& unit, const elf::Symbol& function,
                                          std::span<const arch::CodeRange> rewritten, elf::Bytes image);

} // namespace klp::proof
