#include "sense/prototypes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace klp::sense {

namespace {

// Pointers to functions that can be called as `callback`.
bool leads_to(const Shapes& shapes, const Type& type, TypeId callback) {
    if (type.kind != Kind::pointer)
        return false;
    const TypeId target = shapes.strip(type.target);
    return shapes.type(target).kind == Kind::function && is_callable_as(shapes, target, shapes, callback);
}

// One of the parameters is a pointer to functions that can be called as `callback`.
bool takes(const Shapes& shapes, TypeId prototype, TypeId callback) {
    return std::ranges::any_of(shapes.type(prototype).members, [&](const Member& parameter) {
        return leads_to(shapes, shapes.type(shapes.strip(parameter.type)), callback);
    });
}

} // namespace

bool is_callable_by_pointer(const Shapes& shapes, TypeId prototype) {
    return std::ranges::any_of(shapes.types().types,
                               [&](const Type& type) { return leads_to(shapes, type, prototype); });
}

std::vector<PrototypeChange> compare_prototypes(const Shapes& before, const Shapes& after) {
    std::map<std::string_view, const Function*> patched;
    for (const Function& function : after.types().functions)
        if (function.prototype)
            patched.try_emplace(function.name, &function);
    std::vector<PrototypeChange> changes;
    std::set<std::string_view> seen;
    for (const Function& function : before.types().functions) {
        auto found = patched.find(function.name);
        if (function.prototype && found != patched.end() && seen.insert(function.name).second &&
            !is_callable_as(before, function.prototype, after, found->second->prototype))
            changes.push_back({&function, found->second, false});
    }
    for (PrototypeChange& change : changes)
        change.is_passed_to_changed = std::ranges::any_of(changes, [&](const PrototypeChange& other) {
            return takes(after, other.patched->prototype, change.patched->prototype) &&
                   takes(before, other.original->prototype, change.original->prototype);
        });
    return changes;
}

} // namespace klp::sense
