// Which variables lead to code.
#pragma once

#include "diff/unit.h"

#include <vector>

namespace klp::diff {

// It refers to a function, by itself.
bool holds_code_pointers(const Unit& unit, uint32_t variable);

// The same, or by way of read-only variables that it refers to: a description of a chip that names its operations. Of
// all variables of a unit, in time linear in their references.
class CodePointers {
public:
    explicit CodePointers(const Unit& unit);

    bool lead_from(uint32_t variable) const { return leads_[variable]; }

private:
    std::vector<bool> leads_; // by piece
};

} // namespace klp::diff
