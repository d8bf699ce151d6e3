// Functions that do their work while a live patch goes in, or on which it depends that one can.
#pragma once

#include "elf/object.h"
#include "report/finding.h"

#include <string>
#include <vector>

namespace klp::sense {

// Warnings "sense.conflict", with the reason, for those of the `changed` functions of a unit that are code of livepatch
// itself, the unwinder and the like (a table, by `source`, the unit's path in the kernel's tree), or on the kprobe
// blacklist (NOKPROBE_SYMBOL() of include/asm-generic/kprobes.h, __kprobes). A note for those that others tell by their
// addresses (__sched, __lockfunc).
std::vector<report::Finding> find_conflicts(const std::string& source, const elf::Object& original,
                                            const std::vector<std::string>& changed);

} // namespace klp::sense
