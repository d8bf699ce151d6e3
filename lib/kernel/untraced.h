// Units that kbuild compiles without the calls that ftrace, and with it livepatch, hooks.
#pragma once

#include "kernel/target.h"

#include <string>

namespace klp::kernel {

// The line of the kernel's Makefiles that makes it so, as "lib/Makefile:6: ccflags-remove-... += ...", or "kbuild" if
// none is found. Empty for a unit that is compiled with them (-pg, -fpatchable-function-entry). Source:
// Documentation/kbuild/makefiles.rst, ccflags-remove-y and CFLAGS_REMOVE_$@.
std::string untraced_by(const Target& target, const BuildUnit& unit);

} // namespace klp::kernel
