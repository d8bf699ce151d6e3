// What a build generates: sources and headers that a unit needs and the tree does not hold.
#pragma once

#include "host/cache.h"
#include "kernel/target.h"
#include "kernel/unit.h"

#include <span>

namespace klp::kernel {

// Held by whoever runs make where it may write to the target's build directory: other runs use it, too.
host::FileLock lock_for_generating(const Target& target);

// Lets kbuild make the objects of these units, up to `jobs` at a time (0: one per processor), and by that everything
// generated that they need, in the target's private build directory. What fails is passed over: compiling the unit
// says why.
void generate_for(const Target& target, std::span<const BuildUnit> units, unsigned jobs);

} // namespace klp::kernel
