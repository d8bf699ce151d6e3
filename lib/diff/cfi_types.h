// Types by which callers check a function before they call it through a pointer.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Clang's kCFI on x86-64 has a number of the function's type before its entry, and a caller through a pointer wants the
// number of the type that it knows (llvm/docs, -fsanitize=kcfi; arch/x86/kernel/cfi.c). A pointer that the kernel has
// leads to the kernel's function and number, whatever is called there afterwards:
//
//     __cfi_show: mov $0x7ccaad02, %eax                       of int (struct foo *)
//     caller:     mov $-0x7ccaad02, %r10d; add -4(%r11), %r10d; je 1f; ud2; 1: call *%r11
//
// An error "diff.cfi-type-changed" for each function whose address the unit takes, whose number the patch changes and
// whose new one code that comes along asks for. Linear in the code that comes along.
std::vector<report::Finding> find_changed_cfi_types(const Pair& pair, const Selection& selection);

} // namespace klp::diff
