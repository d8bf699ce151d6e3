// The shadow variables that a module uses (Documentation/livepatch/shadow-vars.rst). Private to this room.
#pragma once

#include "verify/module_code.h"

#include <map>
#include <set>
#include <string_view>

namespace klp::verify {

struct ShadowUse {
    std::string_view allocated_by;      // a function; empty: nothing of the module allocates it
    std::set<uint64_t> sizes;           // in bytes, as far as they are constants
    std::vector<Location> constructors; // that are functions of the module
    bool is_freed = false;              // klp_shadow_free(): with its object
    bool is_all_freed = false;          // klp_shadow_free_all(): when the patch goes
};

struct ShadowVariables {
    std::map<uint64_t, ShadowUse> by_id;
    bool has_unknown_free = false; // of an id that is no constant
};

ShadowVariables read_shadow_variables(const ModuleCode& code);

} // namespace klp::verify
