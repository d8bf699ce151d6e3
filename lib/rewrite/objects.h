// Objects of a structure that are variables, or parts of other structures.
#pragma once

#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <map>
#include <set>
#include <string>

namespace klp::rewrite {

struct Objects {
    std::set<std::string> variables; // with static storage, that are or have one
    std::set<std::string> on_stacks; // functions with one as a local variable or parameter
    std::set<std::string> holders;   // the structures of these variables with one inside (holders_in())
    // Structures in which the code gets to one by a member's name, and that; an array's ends in "[]".
    std::map<std::string, std::string> parts;
    void merge(const Objects& other);
};

// In the unit's own file.
Objects find_objects(const ParsedUnit& unit, const clang::RecordDecl& record);

} // namespace klp::rewrite
