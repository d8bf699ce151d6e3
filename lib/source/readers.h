// Readers that take no lock, and writers that wait for them (RCU) or tell them to read again (sequence locks). What a
// patch does to both halves: until all tasks have gone over, and once it is disabled, a half of each side meets.
#pragma once

#include "source/function_texts.h"

#include <string>
#include <vector>

namespace klp::source {

struct ReaderChange {
    enum class Kind {
        grace_period, // `reader` reads under `is`, was `was`, and `writer` now waits for `is`, no longer for `was`
        unlocked,     // `reader` reads under `is` in place of the lock `was`, and `writer` now waits for `is` as well
        sequence      // `reader` now reads again when `writer` has written, by the sequence lock `is`
    };
    Kind kind = Kind::grace_period;
    std::string reader, writer; // functions
    std::string was, is;        // "rcu", "srcu failover_srcu", "spinlock failover_lock", "seq"
};

// What differs between the functions of the two texts. Linear in the functions that changed.
std::vector<ReaderChange> compare_readers(const FunctionTexts& before, const FunctionTexts& after);

} // namespace klp::source
