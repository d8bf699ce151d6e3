// The process that strikes out a trial (store/guard.h) when its time is over.
#pragma once

#include "livepatch/system.h"
#include "store/store.h"

#include <chrono>

namespace klp::ctl {

// Leaves a process behind that ends the trial of this patch in this boot after `time`. It needs nothing of its
// parent, and holds neither its lock nor its terminal. If it cannot be made the trial stays, which a warning says.
void watch_over(const livepatch::System& system, const store::Installed& patch, std::chrono::seconds time);

} // namespace klp::ctl
