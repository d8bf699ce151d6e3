// What the commands that change something have in common.
#pragma once

#include "waiting.h"

#include "livepatch/kernel_calls.h"
#include "livepatch/system.h"
#include "livepatch/transition.h"
#include "report/finding.h"
#include "store/guard.h"

#include <string>
#include <string_view>

namespace klp::ctl {

// Throws report::Refusal "livepatch.no-right".
void need_root(const livepatch::System& system, std::string_view purpose);

// Nobody else is at work, and there is what it takes.
struct Bench {
    // A transition is taken back after `timeout` seconds.
    Bench(const livepatch::System& machine, unsigned timeout);

    const livepatch::System& system;
    host::FileLock lock;
    livepatch::RunningKernelCalls kernel;
    livepatch::Patience patience;
    livepatch::Operator work;
    std::chrono::seconds guard = store::guard_time; // how long a load must be survived
};

// Says how it ended, in the words of `done` if it is done.
report::Exit tell(const std::string& name, livepatch::Outcome outcome, std::string_view done);

} // namespace klp::ctl
