// A patched unit that was compiled in another way than the original one: most of its functions differ for that alone.
#pragma once

#include "diff/compare.h"
#include "report/finding.h"

#include <vector>

namespace klp::diff {

// Of `comparison` (of `original` and `patched`) what `alike`, the patched unit compiled like the original one, has
// changed as well: functions by their names in the source. Throws report::Refusal "diff.compiled-apart" if one of these
// is in `patched` no function that the original has, so that its change is in others that nobody can tell.
Comparison only_changes_of(const Unit& alike, const Unit& original, const Unit& patched, const Correlation& correlation,
                           Comparison comparison);

// `findings` without those that say of a function of `alike` that it is removed.
std::vector<report::Finding> without_false_removals(const elf::Object& alike, std::vector<report::Finding> findings);

} // namespace klp::diff
