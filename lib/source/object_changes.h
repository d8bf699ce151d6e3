// What a patch does to objects between the code that makes or stores them and the code that uses them. A live patch
// replaces code; an object that exists was made, filled in and put away by the old one. Types do not show it: the
// layout is the same.
#pragma once

#include <string>
#include <vector>

namespace klp::source {

struct ObjectTexts; // object_texts.h

struct ObjectChange {
    enum class Kind {
        size,        // `function` allocates another size than before
        count,       // `function` makes objects with another number of references
        first_value, // `function` now gives `what` its first value, and `other` now goes by it
        value,       // `function` gives `what` another value at first, with which `other` now compares
        flag,        // `function` gives what it makes a mark, `is`, that is new, and `other` now goes by it
        // `function` gives back what `other` makes, by another pair of functions than before:
        allocator,     // what exists does not belong there
        new_allocator, // what is made from now on does not belong where the old `function` gives it back
        managed,       // what exists goes with its device, and is given back twice
        now_managed,   // what is made from now on does, and the old `function` gives it back as well
        owner,         // `function` gives back what `what` leads to, which only belongs to objects of the new `other`
        pointer,       // `function` takes what `what` leads to for another type than before
        cookie,        // `function`, whose address others have, takes its argument `what` for another type than before
        hash,          // `function` computes a hash in another way
        order,         // `function` compares in another way the entries of a sorted tree, which `other` walks
        key,           // `function` finds what is in `what` under another number, and so does `other`
        clock,         // `function` gives `what` the time of another clock
        meaning        // `function` and `other` take the values of `what` the other way round
    };
    Kind kind = Kind::size;
    std::string function, other;
    std::string what;    // "->private_data", "ctx"
    std::string was, is; // sizes, numbers, types, functions
};

// Both are the texts of all files that a patch changes. Each kind is told by the names of the kernel's interfaces and
// by access paths; what an expression does not show is not found. Linear in the texts.
std::vector<ObjectChange> compare_objects(const ObjectTexts& texts);

} // namespace klp::source
