// Variables that patched code takes for what the running kernel's are not.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// For each variable of the running kernel that the output refers to and whose kind of storage the patch changes: an
// error "diff.storage-changed", or a note "diff.storage-kept" where the kernel's serves as well (storage.h). The error
// also for each other variable that the kernel has and keeps: nobody who has its address gets what the patch wants; a
// warning "diff.alignment-kept" where it is only to be aligned more.
std::vector<report::Finding> find_storage_conflicts(const Pair& pair, const Selection& selection);

// An error "diff.decrypted-data" for each variable of the output that needs memory of a kind that no module has.
std::vector<report::Finding> find_decrypted_data(const Unit& patched, const Selection& selection);

// A warning "diff.init-data" for each variable of boot code (__initdata) that other code refers to: the kernel's is
// gone once it has started, and what it held with it (include/linux/init.h). Constants are the same in a copy, and boot
// code that comes along brings its own.
std::vector<report::Finding> find_init_data(const Unit& patched, const Selection& selection);

// A warning "diff.storage-late" for each variable that the patch has written to only while the kernel or module starts
// (__ro_after_init): the running one's is where it is, and stays as writable as it was.
std::vector<report::Finding> find_late_protection(const Pair& pair);

} // namespace klp::diff
