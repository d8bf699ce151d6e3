// Calls that call depth tracking would redirect when the module is loaded (CONFIG_MITIGATION_CALL_DEPTH_TRACKING).
#pragma once

#include "elf/builder.h"

#include <cstdint>
#include <set>
#include <utility>

namespace klp::convert {

// Takes the entries out of .call_sites whose calls have no target yet when the kernel reads it
// (arch/x86/kernel/callthunks.c, callthunks_patch_module_calls() in module_finalize()): it would look for room before
// the instruction behind the call, and complain. Such a call is not counted, so that the return buffer is filled sooner
// than it must be. `late` has the places of the fields that a livepatch core writes after that: section, offset in it.
// Example: of the entries for calls at 0x10 and 0x20 of .text, the second goes where `late` has 0x21 of .text.
void untrack_calls(elf::Builder& builder, const std::set<std::pair<uint32_t, uint64_t>>& late);

} // namespace klp::convert
