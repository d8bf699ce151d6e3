// Addresses of what only the live patch has, where they outlive it.
#pragma once

#include "diff/selection.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// When a live patch is unloaded its new functions and data are gone. Whoever still has their address, in a timer, a
// work item, an object's table of operations or name, follows it to nowhere. A warning "diff.address-escapes" for each
// function, variable or string of the output that the kernel does not have itself, and each piece of code that
//  - stores its address into memory that is neither on the stack nor the patch's own,
//  - passes it to a function of the kernel, if it can be called there: a function, or a variable that leads to one or
//    is given one by the patch's code (the kernel's own, too: the pointer is in the module),
//  - returns it, if it can be called there,
//  - passes it as a name to a function that keeps names (name_keepers.h).
// What the kernel does with other data that is passed to it nobody can tell from here, and most of the time it is a
// lock or a format.
std::vector<report::Finding> find_address_escapes(const Unit& patched, const Selection& selection);

} // namespace klp::diff
