// Layouts that a patch changes, member by member, as they are before and after it.
#pragma once

#include "elf/object.h"
#include "report/layout_table.h"

#include <vector>

namespace klp::sense {

// A table for each structure, union, typedef and variable that compare_layouts() finds changed, those included of which
// sense::compare() says nothing since no object outlives the patch. None where a side does not describe its types.
// Linear in the size of the debug data.
std::vector<report::LayoutTable> layout_tables(const elf::Object& original, const elf::Object& patched);

} // namespace klp::sense
