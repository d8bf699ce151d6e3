// Marks for objtool on functions that no indirect branch enters.
#pragma once

#include "diff/draft.h"

namespace klp::diff {

// The table of functions makes objtool think that somebody calls them through a pointer, which those that the compiler
// knows all calls of are not made for. ftrace enters them by a return (kernel/livepatch/patch.c, klp_ftrace_handler()).
// Kernels from 6.14 on have one section for all such marks, those before one for this. Both are gone from the finished
// module.
void mark_landing_pads(Draft& draft);

} // namespace klp::diff
