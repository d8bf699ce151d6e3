// Where a whole object is copied: the copy has all that is in the original, and nothing of what is kept beside it.
#pragma once

#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <string>
#include <vector>

namespace klp::rewrite {

// The places in functions of the unit's own file where objects of `record`, or such as have one inside, are copied, as
// sentences with their lines: memcpy() and its like, what makes a duplicate (kmemdup()), and assignments.
std::vector<std::string> find_copies(const ParsedUnit& unit, const clang::RecordDecl& record);

} // namespace klp::rewrite
