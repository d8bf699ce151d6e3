// What the kernel's room says of long work, shown in the running stage.
#pragma once

#include "kernel/progress.h"
#include "report/progress.h"

namespace klp::build {

// Refers to `progress`. May be called by any thread, while no other one uses `progress` itself.
kernel::Progress shown_by(report::Progress& progress);

} // namespace klp::build
