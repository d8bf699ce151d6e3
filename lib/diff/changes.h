// What the patch changes, and how each change gets into the running kernel.
#pragma once

#include "diff/compare.h"
#include "diff/pair.h"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::diff {

// By patched piece. A function with its unlikely parts is one: all of them are changed or none.
struct Changes {
    std::vector<bool> functions; // that differ, use data that differs, or bring along one that cannot be hooked
    std::vector<bool> replaced;  // functions whose new code is used: changed or forced, not left out, settled or idle
    std::vector<bool> settled; // __init functions that differ only by what other functions brought into them: they ran
    std::vector<bool> idle;    // exit functions of what is built in: they never run
    std::vector<bool> through_callers; // changed functions that are replaced together with their callers (callers.h)
    std::vector<bool> data; // kept variables whose initial content differs, or that lead to such a one, or inside
    std::vector<bool> leads_inside; // kept variables that lead to places inside of functions that are replaced
    std::vector<bool> copied;       // those of which a copy comes along with their users (data_users.h)
    // Changed read-only variables of which no copy can be made, as somebody keeps or compares their addresses: who,
    // how.
    std::unordered_map<uint32_t, std::string> identities;
    std::vector<std::string> registries; // whose nameless entries came, went or changed
};

// `owner` and `is_untouched`: see Options.
Changes find_changes(const Pair& pair, const Comparison& comparison, std::string_view owner,
                     const std::function<bool(std::string_view)>& is_untouched);

} // namespace klp::diff
