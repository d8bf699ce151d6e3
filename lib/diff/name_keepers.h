// Functions of the kernel that keep the name that they are given.
#pragma once

#include <string_view>

namespace klp::diff {

// Does this function of the kernel keep the pointer that its argument (from 0) is, for others to print later
// (/proc/interrupts, /proc/iomem)? Those that make a copy (kstrdup_const(), kvasprintf_const()) do not: a string of a
// module is none of the kernel's constants.
bool keeps_name(std::string_view function, unsigned argument);

} // namespace klp::diff
