// The sizes of special sections' entries that the user gives, held against the objects.
#pragma once

#include "arch/special_sections.h"
#include "elf/object.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

struct CheckedSizes {
    arch::EntrySizes sizes;
    std::vector<report::Finding> findings;
};

// `sizes` without those `given` ones that one of the objects contradicts: it is the objects that are compared, and
// build scripts leave such variables over from another kernel. A warning "diff.entry-size" for each.
CheckedSizes without_contradicted(const elf::Object& original, const elf::Object& patched,
                                  const arch::EntrySizes& sizes);

} // namespace klp::diff
