#include "diff/changes.h"

#include "diff/callers.h"
#include "diff/data_users.h"

#include <algorithm>

namespace klp::diff {

namespace {

std::vector<bool> united(std::vector<bool> one, const std::vector<bool>& other) {
    for (size_t at = 0; at < one.size(); ++at)
        one[at] = one[at] || other[at];
    return one;
}

// Of a part: where the function that it goes with is.
std::string_view section_of(const Pair& pair, uint32_t index) {
    return pair.patched.object().section(pair.patched.piece(pair.patched.root_of(index)).section).name;
}

// A module's init function has two names, of which the source knows one: module_init() adds init_module.
bool is_settled(const Pair& pair, uint32_t index, const std::function<bool(std::string_view)>& is_untouched) {
    const uint32_t root = pair.patched.root_of(index);
    auto is_name_of_untouched = [&](uint32_t at) {
        const elf::Symbol& symbol = pair.patched.object().symbol(at);
        return symbol.is_function() && symbol.value == pair.patched.piece(root).entry && is_untouched(symbol.name);
    };
    return arch::is_init(section_of(pair, index)) &&
           std::ranges::any_of(pair.patched.symbols_of(root), is_name_of_untouched);
}

bool is_idle(const Pair& pair, uint32_t index, std::string_view owner) {
    return owner == "vmlinux" && arch::is_exit(section_of(pair, index));
}

} // namespace

Changes find_changes(const Pair& pair, const Comparison& comparison, std::string_view owner,
                     const std::function<bool(std::string_view)>& is_untouched) {
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
    changes.settled.assign(count, false);
    changes.idle.assign(count, false);
    changes.copied.assign(count, false);
    for (uint32_t index = 0; index < count; ++index) {
        const bool is_wanted = changes.functions[index] || pair.macros.forced_functions.contains(index);
        changes.settled[index] = changes.functions[index] && is_settled(pair, index, is_untouched);
        changes.idle[index] = is_wanted && is_idle(pair, index, owner);
        changes.replaced[index] =
            is_wanted && !pair.is_left_out(index) && !changes.settled[index] && !changes.idle[index];
        changes.copied[index] =
            changes.data[index] && is_copyable(pair.patched, index) && !changes.identities.contains(index);
    }
    return changes;
}

} // namespace klp::diff
