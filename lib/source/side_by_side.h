// Old and new code of one source file side by side: what a patch does to the locks and references that bind functions
// together. A task goes over to new code when it is in none of the changed functions (Documentation/livepatch/
// livepatch.rst, consistency model), so one task runs the old half of a pair and then the new, and tasks that have gone
// over run beside others that have not.
#pragma once

#include "source/function_texts.h"

#include <string>
#include <vector>

namespace klp::source {

struct SideBySide {
    enum class Kind {
        lock_order,      // `one` takes two locks in the order opposite to that of `other`
        lock_split,      // `one` now returns with a lock held that `other` now releases
        lock_added,      // `one` and `other` now both take a lock
        lock_added_once, // `one` does, nobody else new; `other` is empty
        lock_removed,    // `one` and `other` no longer take a lock, nor another in its place
        count_added,     // `one` now takes a reference or count that `other` now gives back
        count_removed,   // `one` no longer takes it, and `other` no longer gives it back
        pair_added,      // `one` now does what `other` now undoes
        pair_removed,    // `one` no longer does it, and `other` no longer undoes it
        wait_added       // `one` now waits for what `other` now wakes
    };
    Kind kind = Kind::lock_order;
    std::string one, other; // functions
    std::string what; // "mutex ->wqh.lock"; of an order the two, "mutex ->lock, then spinlock list_lock" as in `one`
};

// What differs between the functions of the two texts. A function that is new or gone, or that nobody but one other
// calls, counts as a part of those that call it. Linear in the texts and in the number of functions that changed.
std::vector<SideBySide> compare_side_by_side(const FunctionTexts& before, const FunctionTexts& after);

} // namespace klp::source
