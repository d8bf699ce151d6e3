// Functions that kernel threads never leave.
#pragma once

#include "elf/object.h"
#include "report/finding.h"

#include <string>
#include <vector>

namespace klp::sense {

// Warnings "sense.blocks-transition" for those of the `changed` functions that the unit hands to kthread_create() and
// its like (include/linux/kthread.h): the thread is in it for as long as it lives, and goes over to no patch of it.
// Without those that ask kthread_should_stop() and its like themselves, which klp-verify knows by that. `source`: the
// unit's path in the kernel's tree. Linear in the code of units that start threads; free for others.
std::vector<report::Finding> find_thread_functions(const std::string& source, const elf::Object& original,
                                                   const std::vector<std::string>& changed);

} // namespace klp::sense
