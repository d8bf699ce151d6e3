// The members of a structure at the offsets that they have in it, however deep they are written down.
#pragma once

#include "sense/shapes.h"

#include <cstdint>
#include <string>
#include <vector>

namespace klp::sense {

// A member at the offset that it has in the outermost structure; those of anonymous ones count as their parent's.
struct Field {
    std::string name; // "a.b" inside of members without a named type
    TypeId type = 0;
    uint64_t at = 0;   // in bits
    uint64_t bits = 0; // 0: an open array
    bool is_bit_field = false;

    uint64_t end() const { return at + bits; }
    bool overlaps(const Field& other) const { return at < other.end() && other.at < end(); }
};

// In the order of the declaration.
std::vector<Field> fields_of(const Shapes& shapes, TypeId aggregate);

// "offset 8", "bit 67".
std::string place_of(const Field& field);

// The type: "u64", "unsigned int:3".
std::string describe(const Shapes& shapes, const Field& field);

} // namespace klp::sense
