// Runtime constants of code that comes along.
#pragma once

#include "diff/draft.h"
#include "diff/kernel_references.h"

namespace klp::diff {

// The kernel writes runtime constants into the code of vmlinux at boot and never into that of a module: what the copy
// holds is a placeholder (arch/x86/include/asm/runtime-const.h refuses to be used in modules). So it reads the
// variable. An error "diff.runtime-constant" where that cannot be.
void read_runtime_constants(Draft& draft, KernelReferences& kernel);

} // namespace klp::diff
