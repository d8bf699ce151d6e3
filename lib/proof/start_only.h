// Functions of a linked kernel that nobody gets to once it has started.
#pragma once

#include "proof/image.h"

namespace klp::proof {

// Do all references of the image to the function at `location` lie in its init sections (__init_begin to __init_end,
// include/asm-generic/vmlinux.lds.h; .init.text of a module), and are they calls and jumps? A pointer to it, wherever
// it is, an export, and what only looks like a reference speak against it, as do machines other than x86-64. Tables
// that list all functions (ORC, __mcount_loc) do not count. Linear in the image up to the first reference from
// elsewhere.
bool is_used_only_at_start(const Image& image, Location location);

} // namespace klp::proof
