#include "source/change_use.h"

#include "source/changed_names.h"
#include "source/declarations.h"

#include <algorithm>

namespace klp::source {

namespace {

using Declarations = std::vector<Declaration>;

bool is_no_macro(uint64_t) {
    return false;
}

// Adds what `changed` declares; false where it is more than names.
bool add_changed(const Declarations& side, const std::vector<size_t>& changed, Names& names) {
    for (const size_t i : changed) {
        const Declaration& declaration = side[i];
        if (declaration.says_nothing)
            continue;
        if (!declaration.is_inert || declaration.names.empty())
            return false;
        names.add(declaration.names);
    }
    return true;
}

} // namespace

bool uses_change(const ReadUnit& before, const ReadUnit& after) {
    if (before.tokens == after.tokens)
        return false;
    const std::optional<Declarations> old_side = declarations_of(before.tokens),
                                      new_side = declarations_of(after.tokens);
    if (!old_side || !new_side)
        return true;
    const Differences differences = compare(contents_of(*old_side), contents_of(*new_side));
    Names names;
    if (!add_changed(*old_side, differences.before, names) || !add_changed(*new_side, differences.after, names))
        return true;
    for (bool grows = true; grows;) {
        grows = false;
        for (const size_t i : differences.same) {
            const Declaration& declaration = (*new_side)[i];
            if (declaration.says_nothing || !speaks_of(declaration.tokens, names, is_no_macro))
                continue;
            if (!declaration.is_inert)
                return true;
            grows |= names.add(declaration.names);
        }
    }
    return false;
}

} // namespace klp::source
