// Objects of a structure that are variables.
#pragma once

#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <set>
#include <string>

namespace klp::rewrite {

struct Objects {
    std::set<std::string> variables; // with static storage, that are or have one
    std::set<std::string> on_stacks; // functions with one as a local variable or parameter
    void merge(const Objects& other);
};

// In the unit's own file.
Objects find_objects(const ParsedUnit& unit, const clang::RecordDecl& record);

} // namespace klp::rewrite
