// Waiting for a transition in front of somebody: a line that tells how it goes, and Ctrl-C.
#pragma once

#include "livepatch/transition.h"

#include "host/cache.h"

namespace klp::ctl {

// The line goes to standard error: in place on a terminal, else a new one every five seconds. SIGINT, SIGTERM and
// SIGHUP interrupt from now on, and do not end the process.
livepatch::Patience patience(std::chrono::seconds timeout);

// Takes away what the line showed last.
void clear_line();

// The lock of those who change something; waits for it unless interrupted. Throws report::Refusal
// "livepatch.interrupted", "file.unwritable".
host::FileLock lock_changes(const livepatch::System& system);

} // namespace klp::ctl
