// Functions that cannot be called any more as they were.
#pragma once

#include "sense/shapes.h"

#include <vector>

namespace klp::sense {

struct PrototypeChange {
    const Function* original = nullptr;
    const Function* patched = nullptr;
    // Whoever gets the function's address from the unit's code changes with it: another function of the unit takes
    // callbacks of the new kind now, in place of the old one.
    //     each(list, cb)   with   void each(struct list *, int (*)(int))  ->  void each(struct list *, int (*)(long))
    bool is_passed_to_changed = false;
};

// Whether the unit knows a type of pointers through which a function of this prototype can be called. One whose address
// is taken and for which there is none is a mark of who holds something: bd_prepare_to_claim(bdev, this_function).
bool is_callable_by_pointer(const Shapes& shapes, TypeId prototype);

// Of the functions that both sides have or declare, those whose parameters or result mean something else. In the order
// of the debug data, each name once. Linear in the number of functions times those that changed.
std::vector<PrototypeChange> compare_prototypes(const Shapes& before, const Shapes& after);

} // namespace klp::sense
