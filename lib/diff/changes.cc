#include "diff/changes.h"

#include "diff/callers.h"
#include "diff/data_users.h"

namespace klp::diff {

namespace {

std::vector<bool> united(std::vector<bool> one, const std::vector<bool>& other) {
    for (size_t at = 0; at < one.size(); ++at)
        one[at] = one[at] || other[at];
    return one;
}

} // namespace

Changes find_changes(const Pair& pair, const Comparison& comparison) {
    Changes changes;
    changes.registries = comparison.changed_registries;
    DataChanges data = find_data_changes(pair, comparison.changed_data);
    changes.data = united(comparison.changed_data, data.variables);
    changes.identities = std::move(data.identities);
    ReachedChanges reached = reach_through_callers(pair, united(comparison.changed_functions, data.users));
    changes.functions = std::move(reached.functions);
    changes.through_callers = std::move(reached.through_callers);
    const size_t count = pair.patched.pieces().size();
    changes.replaced.assign(count, false);
    changes.copied.assign(count, false);
    for (uint32_t index = 0; index < count; ++index) {
        const bool is_wanted = changes.functions[index] || pair.macros.forced_functions.contains(index);
        changes.replaced[index] = is_wanted && !pair.is_left_out(index);
        changes.copied[index] =
            changes.data[index] && is_copyable(pair.patched, index) && !changes.identities.contains(index);
    }
    return changes;
}

} // namespace klp::diff
