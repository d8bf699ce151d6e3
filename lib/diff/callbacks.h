// The callbacks that a unit registers: which object each is for, and what it can rely on when it is called.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <string>
#include <string_view>
#include <vector>

namespace klp::diff {

// The object whose patching a callback is called for: what the macro names, by default `owner`, that of the unit. The
// kernel's macros take the name from kbuild, whose __KBUILD_MODNAME was kmod_NAME for years (scripts/Makefile.lib); a
// dash in a module's name is an underscore to the kernel.
std::string object_of(const Callback& callback, std::string_view owner);

// The unit's callbacks by name, in the order of Macros::callbacks.
std::vector<RegisteredCallback> name_callbacks(const Pair& pair, std::string_view owner);

// An error "diff.callback-object" for each callback that is called whether the unit's own module is there or not and
// refers to it: the kernel writes the relocations to a module when that is loaded (klp_apply_object_relocs() in
// kernel/livepatch/core.c), until then they lead to nowhere.
std::vector<report::Finding> find_early_callbacks(const Pair& pair, const Selection& selection,
                                                  const KernelSymbols& kernel);

} // namespace klp::diff
