// The process that strikes out a trial (store/guard.h) when its time is over.
#pragma once

#include "livepatch/system.h"
#include "store/store.h"

#include <chrono>

namespace klp::ctl {

// Leaves a process behind that ends the trial of this patch in this boot after `time`: klpctl itself, started anew,
// since it must hold nothing of its parent, neither the lock and the terminal nor mapped files that keep a file system
// busy. If it cannot be made the trial stays, which a warning says.
void watch_over(const livepatch::System& system, const store::Installed& patch, std::chrono::seconds time);

} // namespace klp::ctl
