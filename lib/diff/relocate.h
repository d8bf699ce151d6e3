// The references of everything that came along, as relocations of the output.
#pragma once

#include "diff/draft.h"
#include "diff/kernel_references.h"

namespace klp::diff {

// Errors "diff.relocation-unknown" and "diff.reference-lost" are added to the draft's findings: a reference that leads
// to nothing that this tool understands must not become a reference to nothing.
void relocate(Draft& draft, KernelReferences& kernel);

} // namespace klp::diff
