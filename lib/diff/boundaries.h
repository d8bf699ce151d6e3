// Where one thing ends the next begins. An assembler turns `fresh + 256` into "section + 512", and nothing in the
// object says whether the end of `fresh` is meant or the beginning of `old`, which stands there:
//
//     .data..read_mostly      old: 0..256, fresh: 256..512, next: 512..
//     cmp $.data..read_mostly+512, %rbx       the end of fresh, as %rbx was made of fresh
//     mov .data..read_mostly+512(%rip), %eax  next: nobody reads at an end
//
// It matters where the two lead to different places: one is copied, the other the kernel's.
#pragma once

#include "diff/unit.h"

#include <unordered_map>

namespace klp::diff {

// By section and offset of the relocation: those references of `unit` that another piece than that at their offset may
// be meant by. What the code tells is decided here; the others have a rival. Linear in the code of the functions
// concerned.
std::unordered_map<uint32_t, std::unordered_map<uint64_t, Boundary>> find_boundaries(const Unit& unit);

} // namespace klp::diff
