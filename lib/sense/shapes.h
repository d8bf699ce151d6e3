// What a type looks like in memory, and how people write it.
#pragma once

#include "sense/types.h"

#include <string>
#include <vector>

namespace klp::sense {

// One view of a unit's types. Not thread-safe: answers are kept. `types` outlives it.
class Shapes {
public:
    explicit Shapes(const Types& types) : types_(types), layouts_(types.types.size()) {}

    const Types& types() const { return types_; }
    const Type& type(TypeId id) const { return types_.types[id]; }

    // Without typedefs and qualifiers. A structure whose only member fills it (atomic_t) is that member.
    TypeId plain(TypeId id) const;
    // Without typedefs and qualifiers only.
    TypeId strip(TypeId id) const;
    // The element of arrays of arrays, stripped; the type itself if it is no array.
    TypeId element(TypeId id) const;
    // In bytes; 0 for void, functions, open arrays.
    uint64_t size(TypeId id) const;
    // All of the layout as a number, names of members included: equal numbers mean equal layouts. A pointer counts with
    // the name of what it points to.
    uint64_t layout(TypeId id);
    // As in C: "struct list_head *", "u8[16]", "int (*)(struct file *)".
    std::string spelling(TypeId id) const;

private:
    uint64_t compute(TypeId id, unsigned depth);
    std::string parameters(const Type& function, unsigned depth) const;
    std::string spelling(TypeId id, unsigned depth) const;

    const Types& types_;
    std::vector<uint64_t> layouts_; // 0: not asked for yet
};

// An integer of one width whose typedef named a byte order (__be16) and does not any more.
bool loses_byte_order(const Shapes& before, TypeId original, const Shapes& after, TypeId patched);

// The bytes of the one mean what those of the other mean: integers of one width, pointers to the same kind of thing,
// the same structure. Structures of one name and size count as the same: they are compared by themselves.
bool is_same_meaning(const Shapes& before, TypeId original, const Shapes& after, TypeId patched);

// Whoever calls a function of the one prototype may as well call one of the other: the same number of parameters that
// mean the same; a result that is new is one that nobody reads.
bool is_callable_as(const Shapes& before, TypeId original, const Shapes& after, TypeId patched);

} // namespace klp::sense
