// The relocations that a kernel's module loader knows: those that apply_relocate_add() applies, for each machine.
#pragma once

#include <cstdint>
#include <optional>

namespace klp::arch {

// How many bytes at its offset a relocation of this type changes; 0 for one that only marks a place. nullopt if the
// loader refuses the type ("Unknown rela relocation"), or the machine is none of ours.
// Source: arch/{x86,arm64,powerpc,s390,loongarch}/kernel/module*.c of Linux 6.1 and 6.12.
std::optional<unsigned> module_relocation_width(uint16_t machine, uint32_t type);

// Does the loader refuse to relocate bytes that are not zero (arch/x86/kernel/module.c, __write_relocate_add())?
bool loader_wants_zero_place(uint16_t machine);

// May several relocations apply to one place, one after the other (LoongArch's additions, subtractions and stack
// machine)?
bool relocations_accumulate(uint16_t machine);

} // namespace klp::arch
