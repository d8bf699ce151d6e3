// Who uses a type: what embeds it, which objects are of it, which functions handle it.
#pragma once

#include "sense/shapes.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace klp::sense {

struct Usage {
    std::vector<std::string> embedding; // types that have it inside, at any depth
    std::vector<std::string> variables; // with static storage, of the type or of one that embeds it
    std::vector<std::string> functions; // with code, that take or hold one or a pointer to one, inlined code included
    // Objects of it are nowhere but on the stacks of `functions`, as far as the debug data tells.
    bool is_on_stacks_only = false;
    // The same, but that local variables also point to objects, which may come from where the type is not named (`void
    // *`).
    bool is_perhaps_on_stacks_only = false;
    // The variables again, and whether nothing but them, parameters, results and stacks leads to an object.
    std::vector<const Variable*> holders;
    bool is_in_variables_only = false;
};

// Linear in the size of `shapes.types()`. The vectors are sorted.
Usage find_usage(const Shapes& shapes, TypeId type);

} // namespace klp::sense
