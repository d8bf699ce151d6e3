// Private to this room: a changed Makefile -> the units that it brings, or compiles otherwise.
#pragma once

#include "kernel/plan.h"

#include <map>

namespace klp::kernel {

// Adds to `changes` (by object) the units that kbuild makes otherwise with the patched Makefile, and returns what else
// it does otherwise. What cannot be done live goes to `faults`: "plan.global-makefile", "plan.assembly",
// "plan.generated-input", "plan.moved-unit", "plan.new-module", and what find_unpatchable() finds.
PatchedFolder plan_makefile(const source::ChangedFile& file, const PlanSources& sources,
                            std::map<std::string, UnitChange>& changes, std::vector<report::Finding>& faults);

} // namespace klp::kernel
