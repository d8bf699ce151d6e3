// What a patch does to types and interfaces that live objects, and code outside of the patch, go by.
#pragma once

#include "elf/object.h"
#include "report/finding.h"

#include <functional>
#include <string_view>
#include <vector>

namespace klp::sense {

struct Options {
    // The kernel exports it: code that no patch sees may call it.
    std::function<bool(std::string_view)> is_exported = [](std::string_view) { return false; };
    // The source makes objects of its `struct TAG` that are not local variables, or may do so.
    std::function<bool(std::string_view)> is_made = [](std::string_view) { return true; };
};

// Compares two objects of one unit by their debug data. Nothing is found where all that is loaded is the same: what no
// code depends on has not changed. The findings, sorted by place:
//   sense.layout-changed     error: a structure, union, typedef or variable whose objects have another layout now;
//                            warning: objects are seen on the stacks of replaced functions only, but pointers to others
//                            cannot be excluded
//   sense.hole-filled        warning: a new member in what was padding
//   sense.member-renamed     warning: the bytes of a member have another name
//   sense.byte-order         warning: members whose types do not name a byte order any more
//   sense.enum-changed       error: enumerators with other values; warning: enumerators that are gone
//   sense.prototype-changed  error: a function that is exported, in a table of callbacks or whose address code hands
//   out
//                            (to work items, timers) takes other arguments
//   sense.callback-removed   warning: a function whose address code hands out is gone
//   sense.export-changed     warning: an export more or less
//   sense.no-debug-data      warning: without a description of types nothing of this was looked at
// `where` is the place of the declaration, `function` the type or function. Linear in the size of the debug data.
std::vector<report::Finding> compare(const elf::Object& original, const elf::Object& patched, const Options& options);

} // namespace klp::sense
