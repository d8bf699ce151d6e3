// How the code makes a member ready, said anew for the constructor of a shadow variable.
#pragma once

#include "rewrite/member_uses.h"
#include "rewrite/parsed_unit.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

struct SetUp {
    std::string statement;                 // on `new`: "INIT_WORK(&new->work, handle);"
    std::set<std::string> object_names;    // variables of the object in it
    std::vector<std::string> prototypes;   // of static functions in it, without semicolon
    std::optional<std::string> other_name; // a local variable in it that is nothing of the object
    bool leaves_zero = false;              // what is made ready is still all zeros
};

// `use` is the address of a member as the first argument of what makes it ready.
SetUp set_up_of(const ParsedUnit& unit, const MemberUse& use);

} // namespace klp::rewrite
