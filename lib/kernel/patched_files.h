// The patch, written into the patched tree.
#pragma once

#include "kernel/mirror.h"
#include "source/patch.h"

namespace klp::kernel {

// Replaces what the patch changes. C files get `#line` directives, so that code below a hunk keeps its line numbers.
// Kconfig files stay: the configuration is that of the running kernel, and kbuild would want to ask about new options.
void write_patched_files(PatchedTree& tree, const source::Applied& applied);

} // namespace klp::kernel
