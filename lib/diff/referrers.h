// Who refers to a piece of a unit: references read backwards.
#pragma once

#include "diff/unit.h"

#include <vector>

namespace klp::diff {

// For each of the `wanted` pieces, in ascending order: who refers to it, itself and tables of unknown meaning, those that
// are read at start and KASAN's list of variables left out. One who refers to it twice may be there twice.
std::vector<std::vector<uint32_t>> referrers_of(const Unit& unit, const std::vector<bool>& wanted);

// Whether anything does, but for tables of which a live patch takes nothing along (.printk_index) and KASAN's list.
bool is_referred_to(const Unit& unit, uint32_t piece);

} // namespace klp::diff
