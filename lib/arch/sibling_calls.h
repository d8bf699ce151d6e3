// Jumps out of a module that only a call could make.
#pragma once

#include "arch/machine.h"

#include <string_view>

namespace klp::arch {

// A jump by which a function ends in `callee` (a sibling call), on a machine where the way out of a module changes a
// register that only the place behind a call restores: ppc64le's r2, the TOC (ELFv2 ABI, 2.2.1; the nop after `bl` is
// what arch/powerpc/kernel/module_64.c makes the restore of). The routines that save and restore registers (ELFv2 ABI,
// 2.3.3) are linked into every module.
bool loses_toc(const Machine& machine, elf::Bytes section, const elf::Relocation& relocation, std::string_view callee);

} // namespace klp::arch
