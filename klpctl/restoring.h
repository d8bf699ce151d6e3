// Bringing a machine to a state: one that was saved, or what is accepted when it starts.
#pragma once

#include "work.h"

#include "report/finding.h"
#include "store/snapshot.h"

#include <chrono>
#include <string>
#include <vector>

namespace klp::ctl {

// Brings the patches of `wanted` in effect and takes all others out of it and of the kernel. Cumulative ones come
// first, so that there is no time without the one or the other. All files are looked at before anything is changed.
// Stops where a transition does not end. Throws report::Refusal "livepatch.unknown-file", and as load_patch().
livepatch::Outcome restore_patches(Bench& bench, const store::Snapshot& wanted);

// Why nothing is to be loaded when the machine starts: "klp.enable=0 ...", the file /etc/klp/disabled; empty if nothing
// says so.
std::string why_off(const livepatch::System& system);

// Loads what is accepted for the running kernel, in the order in which it was accepted.
// Returns what was not loaded and why: "store.blocked", "store.damaged", "store.no-patch-for-kernel",
// "store.not-loaded", and what load_patch() refused.
std::vector<report::Finding> load_accepted(Bench& bench);

} // namespace klp::ctl
