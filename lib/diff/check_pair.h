// Whether two objects can be compared at all.
#pragma once

#include "elf/object.h"

namespace klp::diff {

// Throws report::Refusal "diff.machines-differ", "diff.not-relocatable", or "diff.no-code" for an object that holds a
// compiler's intermediate code.
void check_pair(const elf::Object& original, const elf::Object& patched);

} // namespace klp::diff
