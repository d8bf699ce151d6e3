// Changes that come too late: in functions that nobody calls any more.
#pragma once

#include "diff/changes.h"
#include "diff/diff.h"

namespace klp::diff {

// A warning "diff.start-only" for each function that is replaced and, like an init function, has nobody who calls it
// once the kernel or module has started: a local one if init code of the unit calls it, and nobody else refers to it; a
// global one if the unit says nothing else and `options` says so of the kernel.
std::vector<report::Finding> find_start_only(const Pair& pair, const Changes& changes, const Options& options);

} // namespace klp::diff
