// The sizes of special sections' entries that the user gives, held against the objects.
#pragma once

#include "arch/special_sections.h"
#include "elf/object.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// `sizes` without those `given` ones that the object contradicts: it is the object that is compared, and build scripts
// leave such variables over from another kernel. A warning "diff.entry-size" for each is added to `findings`.
arch::EntrySizes without_contradicted(const elf::Object& object, arch::EntrySizes sizes,
                                      std::vector<report::Finding>& findings);

} // namespace klp::diff
