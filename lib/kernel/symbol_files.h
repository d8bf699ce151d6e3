// The target as klp-convert and klp-verify see it: symbols and exports only.
#pragma once

#include "kernel/target.h"
#include "symbols/kernel_files.h"

namespace klp::kernel {

// Where the target's symbols are.
symbols::KernelPaths symbol_files(const Target& target);

// The same for "--kernel SPEC", prepared in the default cache if it is not there yet. Throws what debian_target()
// throws.
symbols::KernelPaths find_symbol_files(const std::string& spec);

} // namespace klp::kernel
