// Which folders of a patched tree may stay links to the source's.
#pragma once

#include "kernel/patched_tree.h"
#include "kernel/target.h"
#include "source/patch.h"

namespace klp::kernel {

// Opens in `tree` what its readers name a changed file by. A C source that is there before and after, and that no other
// one includes, is read by its units' own commands only, whose names may lead through other folders
// ("amdgpu/../display/dc.c"). Paper and what is compiled for user space is read by no command that is run in the tree.
// Anything else (a header, a Makefile) may be named from any folder, so all are opened: that takes seconds, once per
// kernel.
void open_folders(const Target& target, const std::vector<BuildUnit>& units, const source::Applied& changes,
                  PatchedTree& tree);

} // namespace klp::kernel
