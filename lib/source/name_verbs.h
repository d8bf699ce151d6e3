// What the verb in a function's name says that it does: many primitives come in pairs that are named alike.
#pragma once

#include "source/primitives.h"
#include "source/words.h"

#include <optional>

namespace klp::source {

// The use that begins at the first of `words`, which is a call: "device" is got by get_device(d) and put by
// put_device(d), "count ->users" is got by percpu_counter_inc(&d->users), sb_start_write(s) begins what sb_end_write(s)
// ends, and so does f(x, 1) what f(x, -1) ends. Nothing where the name has no such verb, or what it is given says that
// the verb means something else: put_user(value, address) stores.
std::optional<PrimitiveUse> use_by_name(Words words);

} // namespace klp::source
