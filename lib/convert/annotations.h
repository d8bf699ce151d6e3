// What the author of a hand-written module says about its references, in the source
// (template/module/include/klp_relocs.h).
#pragma once

#include "convert/reference.h"

namespace klp::convert {

// The annotated references, in the order of the sections and entries. Throws report::Refusal "convert.bad-annotation".
std::vector<LivepatchReference> read_annotations(const elf::Object& module);

} // namespace klp::convert
