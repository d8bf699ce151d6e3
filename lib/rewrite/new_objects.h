// Variables that hold an object which was just made: what is stored there is what the object begins with.
#pragma once

#include "rewrite/lifetimes.h"
#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <set>
#include <vector>

namespace klp::rewrite {

// The variables of these allocations, and the parameters of static functions that get such objects and no others:
// `c = kzalloc(...); init(c);`
std::set<const clang::VarDecl*> new_objects(const ParsedUnit& unit, const std::vector<LifetimeSite>& allocations);

} // namespace klp::rewrite
