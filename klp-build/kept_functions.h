// What is said of functions that the compiler took away, and the patch did not.
#pragma once

#include "changed_texts.h"

#include "report/finding.h"

#include <vector>

namespace klp::build {

// `findings` without "sense.callback-removed" and "diff.function-removed" about functions which the patch leaves in the
// source as they are: their only caller has inlined them. Who holds the old one's address runs the same code.
std::vector<report::Finding> without_kept_functions(const ChangedTexts& texts, std::vector<report::Finding> findings);

} // namespace klp::build
