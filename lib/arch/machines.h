// The machines themselves; one file each. Only machine.cc asks for them.
#pragma once

#include "arch/machine.h"

namespace klp::arch {

const Machine& x86_64();
const Machine& aarch64();
const Machine& ppc64le();
const Machine& s390x();
const Machine& loongarch64();

// Of x86-64; see Machine::is_site().
bool is_x86_64_site(Site site, elf::Bytes code, uint64_t offset);

} // namespace klp::arch
