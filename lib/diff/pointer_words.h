// Tables that hold the addresses of other variables.
#pragma once

#include "diff/unit.h"

#include <cstdint>
#include <span>
#include <vector>

namespace klp::diff {

// Which words of a table's entries are pointers to some of the unit's variables.
//
//     { 1, &row, "one" }, { 2, &other, "two" }      words: number, pointer, pointer, number, ...
//                                                   so an entry is three words, and the second leads to rows
class PointerWords {
public:
    // `pointed`: the variables that are meant. Entries are as long as debug data says, else as short as can be, such
    // that no word is a number in one and a pointer in another.
    PointerWords(const Unit& unit, uint32_t table, std::span<const uint32_t> pointed);

    // Is what stands so many bytes from the beginning of an entry the address of one that is meant?
    bool leads_there(int64_t offset) const;

private:
    std::vector<bool> is_meant_; // by word of an entry; empty where there is no telling
};

} // namespace klp::diff
