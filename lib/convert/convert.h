// The whole conversion of a module that klp-build's differ and kbuild made.
#pragma once

#include "convert/rewrite.h"

namespace klp::convert {

// `module`: a linked .ko, or the .o before it, whose references are in the form of elf/livepatch_abi.h.
// Throws what read_references() and rewrite() throw.
Result convert(const elf::Object& module);

} // namespace klp::convert
