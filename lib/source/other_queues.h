// Work and waiters that go to another queue than before, and who waits for or wakes them there.
#pragma once

#include <string>
#include <vector>

namespace klp::source {

struct ObjectTexts; // object_texts.h

struct OtherQueue {
    enum class Kind {
        work,  // `one` queues to `is` what it queued to `was`, and `other` waits for the work of `is`, no longer of
               // `was`
        waiter // `one` waits at `is`, was `was`, and `other` wakes who waits at `is`, no longer at `was`
    };
    Kind kind = Kind::work;
    std::string one, other; // functions, of work it may be one
    std::string was, is;    // "->recv_workq", "system_unbound_wq"
};

// `texts`: of all files that a patch changes. Linear in the functions that changed.
std::vector<OtherQueue> compare_queues(const ObjectTexts& texts);

} // namespace klp::source
