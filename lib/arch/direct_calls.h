// Who calls a function of a linked image, as far as the calls name it directly.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <vector>

namespace klp::arch {

// The addresses of the instructions in `code`, which is linked at `address`, that look like a call or jump to `target`.
// Found by the encoding alone, without decoding what is around: a chance match is one in 2^32 per byte. Empty for
// machines other than x86-64. Source: Intel SDM volume 2, CALL (E8 rel32) and JMP (E9 rel32).
std::vector<uint64_t> direct_calls(uint16_t machine, elf::Bytes code, uint64_t address, uint64_t target);

} // namespace klp::arch
