// The patch, written into the patched tree.
#pragma once

#include "kernel/mirror.h"
#include "kernel/target.h"
#include "source/patch.h"

namespace klp::kernel {

// A patched tree of the target, nothing replaced in it yet; this run's alone.
PatchedTree patched_tree_of(const Target& target);

// Replaces what the patch changes. C files get `#line` directives, so that code below a hunk keeps its line numbers.
// Kconfig files stay: the configuration is that of the running kernel, and kbuild would want to ask about new options.
void write_patched_files(PatchedTree& tree, const source::Applied& applied);

} // namespace klp::kernel
