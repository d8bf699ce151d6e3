// The tables that the template's init code makes a struct klp_patch of, and klp-convert reads (elf/livepatch_abi.h).
#pragma once

#include "diff/draft.h"
#include "diff/kernel_references.h"

namespace klp::diff {

// Adds `.klp.build.strings`, `.klp.build.funcs`, `.klp.build.callbacks` and `.klp.build.symbols`, and the marks of
// landing_pads.h. A changed function whose place in the kernel is not known is an error of `kernel`'s.
void add_build_tables(Draft& draft, KernelReferences& kernel);

} // namespace klp::diff
