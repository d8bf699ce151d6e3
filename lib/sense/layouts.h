// Structures, unions, typedefs and variables whose layout a patch changes, and enumerators with new values.
#pragma once

#include "sense/shapes.h"

#include <cstdint>
#include <string>
#include <vector>

namespace klp::sense {

// What the worst difference of a type means for the objects that exist.
enum class Weight : uint8_t {
    unordered,   // integers whose types do not name a byte order any more
    renamed,     // the same bytes under another name
    overlaid,    // a new member of a union, in the bytes of others
    hole_filled, // a new member where there was padding
    changed
};

struct LayoutChange {
    TypeId original = 0; // the type; of a variable without a named type, the variable's type
    TypeId patched = 0;
    std::string name; // "struct timerfd_ctx", "cookie_t", "variable table"
    std::string file; // where it is declared in the patched source
    unsigned line = 0;
    Weight weight = Weight::changed;
    bool is_variable = false;             // the types stay as they are, and a variable is of another one
    bool is_grown_only = false;           // members were added, none was removed or became another
    std::vector<std::string> differences; // "`x` (u64) is new at offset 8", "its size is 16 bytes, was 8"
};

struct Layouts {
    std::vector<LayoutChange> changes; // those that the patch makes by itself
    std::vector<TypeId> embedding;     // original types that differ only because of members of those types
};

// Compares types and variables of one name and scope that both sides describe; a type that only one side has is no
// change. Linear in the number of types and members.
Layouts compare_layouts(Shapes& before, Shapes& after);

struct EnumeratorChange {
    std::string enumeration; // "enum state", or "enum" if it has no name
    std::string file;
    unsigned line = 0;
    std::vector<std::string> differences; // "BUSY is 2, was 1"
    std::vector<std::string> removed;     // enumerators
};

// Enumerators that both sides have, with another value. Those at the end of the list that count the others (NR_x,
// x_MAX) may grow.
std::vector<EnumeratorChange> compare_enumerators(const Types& before, const Types& after);

} // namespace klp::sense
