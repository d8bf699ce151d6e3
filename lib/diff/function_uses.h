// Who gets to the functions of a unit, as far as the unit says.
#pragma once

#include "diff/unit.h"

#include <vector>

namespace klp::diff {

// Each function counts with its parts, and what it does with itself does not count. A way to a place inside of it is
// none to it: tables of its labels, and alternatives that jump back into it, call nobody.
class FunctionUses {
public:
    // Linear in the unit's relocations.
    explicit FunctionUses(const Unit& unit);

    // The functions that call or jump to it; one that does so twice is there twice.
    const std::vector<uint32_t>& callers_of(uint32_t function) const { return callers_[function]; }
    // Somebody has its address, and may call it from anywhere.
    bool is_pointed_to(uint32_t function) const { return is_pointed_to_[function]; }
    // A table names it that is read at start or of unknown meaning: marks like .discard.addressable keep a symbol, they
    // do not call it; initcalls do.
    bool is_registered(uint32_t function) const { return is_registered_[function]; }

private:
    void read(const Unit& unit, uint32_t from);

    std::vector<std::vector<uint32_t>> callers_;
    std::vector<bool> is_pointed_to_;
    std::vector<bool> is_registered_;
};

// Does the function run only while the kernel or module starts?
bool is_init_code(const Unit& unit, uint32_t function);

} // namespace klp::diff
