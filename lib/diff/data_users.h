// Functions that change because read-only data does.
#pragma once

#include "diff/compare.h"
#include "diff/correlate.h"
#include "diff/macros.h"
#include "diff/unit.h"

namespace klp::diff {

// A copy of it is as good as what the kernel has: nobody writes it, no other unit knows its name, and it outlives the
// start of the kernel or module.
bool is_copyable(const Unit& unit, uint32_t piece);

// New content of read-only data of the unit's own (a netlink message's __msg, a table of constants) is new behaviour of
// those that use it. Marks them in `changed_functions`, and the copyable data between in `changed_data`. Data that
// somebody else sees, a writable pointer for example, is left as it was, for the selection to refuse; so is data whose
// section the author leaves out.
void change_users_of_data(const Unit& original, const Unit& patched, const Correlation& correlation,
                          const Macros& macros, Comparison& comparison);

} // namespace klp::diff
