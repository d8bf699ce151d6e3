// What a patch would meet on this machine at this moment: other patches, tracers, probes, sleeping tasks.
#pragma once

#include "livepatch/module_facts.h"
#include "livepatch/system.h"
#include "report/finding.h"

#include <string>
#include <vector>

namespace klp::livepatch {

// Notes: "livepatch.replaces" (a patch that would go), "livepatch.patched-already" (by one that stays). Warnings:
// "livepatch.traced", "livepatch.probed", "livepatch.bpf-attached", "livepatch.asleep" (a task that sleeps in a
// function and would hold up the transition). An error: "livepatch.busy". `facts` says what it patches. What cannot be
// read is passed over, with a note "livepatch.not-looked-at" that says so.
std::vector<report::Finding> what_it_meets(const System& system, const ModuleFacts& facts);

} // namespace klp::livepatch
