#include "sense/layouts.h"

#include "sense/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace klp::sense {

namespace {

// Zero bytes are no initial state of what holds pointers to itself: lists, locks, work items.
bool needs_initialisation(const Shapes& shapes, TypeId id) {
    const TypeId element = shapes.element(id);
    const Type& type = shapes.type(element);
    if (!is_aggregate(type))
        return false;
    return std::ranges::any_of(type.members, [&](const Member& member) {
        const TypeId inner = shapes.element(member.type);
        return shapes.type(inner).kind == Kind::pointer || needs_initialisation(shapes, inner);
    });
}

// One structure or union on both sides.
class Comparison {
public:
    Comparison(const Shapes& before, TypeId original, const Shapes& after, TypeId patched, LayoutChange& change)
        : before_(before), after_(after), original_(original), patched_(patched), change_(change),
          old_fields_(fields_of(before, original)), new_fields_(fields_of(after, patched)) {}

    // Whether there is a difference at all.
    bool run() {
        change_.weight = Weight::unordered;
        change_.is_grown_only = true;
        const uint64_t size = before_.type(original_).size, new_size = after_.type(patched_).size;
        compare_common();
        compare_others();
        if (size != new_size)
            say(fmt::format("its size is {} bytes, was {}", new_size, size), Weight::changed);
        // Causes before effects.
        for (std::string& text : moved_)
            say(std::move(text), Weight::changed);
        return !change_.differences.empty();
    }

private:
    void raise(Weight weight) { change_.weight = std::max(change_.weight, weight); }

    void say(std::string text, Weight weight) {
        change_.differences.push_back(std::move(text));
        raise(weight);
    }

    bool is_same_field(const Field& before, const Field& after) const {
        return before.at == after.at && before.bits == after.bits && before.is_bit_field == after.is_bit_field &&
               is_same_meaning(before_, before.type, after_, after.type);
    }

    void compare_common() {
        std::map<std::string_view, const Field*> by_name;
        for (const Field& field : old_fields_)
            if (!field.name.empty())
                by_name.try_emplace(field.name, &field);
        std::set<const Field*> paired;
        for (const Field& field : new_fields_) {
            auto found = by_name.find(field.name);
            if (found == by_name.end() || !paired.insert(found->second).second) {
                added_.push_back(&field);
                continue;
            }
            compare(*found->second, field);
        }
        for (const Field& field : old_fields_)
            if (!paired.contains(&field))
                removed_.push_back(&field);
    }

    void compare(const Field& before, const Field& after) {
        if (is_same_field(before, after)) {
            if (loses_byte_order(before_, before.type, after_, after.type))
                say(fmt::format("`{}` is {}, was {}", after.name, describe(after_, after), describe(before_, before)),
                    Weight::unordered);
            return;
        }
        if (before.at != after.at)
            moved_.push_back(fmt::format("`{}` is at {}, was at {}", after.name, place_of(after), place_of(before)));
        if (before.bits != after.bits || before.is_bit_field != after.is_bit_field ||
            !is_same_meaning(before_, before.type, after_, after.type)) {
            std::string width = before.bits == after.bits || before.is_bit_field
                                    ? ""
                                    : fmt::format(" ({} bytes, was {})", after.bits / 8, before.bits / 8);
            const std::string was = describe(before_, before), now = describe(after_, after);
            say(was == now ? fmt::format("`{}` ({}) is another{}", after.name, now, width)
                           : fmt::format("`{}` is {}, was {}{}", after.name, now, was, width),
                Weight::changed);
            change_.is_grown_only &= was == now;
        }
    }

    // Members that were put into a structure of their own, or were taken out of one, where they were and under names
    // that end in the same way (`pmp_reset.softreset` of `pmp_softreset`): the same bytes. `is_same` gets a part of the
    // group and another member.
    template <typename IsSame>
    static void pair_regrouped(std::vector<const Field*>& groups, const Shapes& shapes,
                               std::vector<const Field*>& others, IsSame is_same) {
        std::erase_if(groups, [&](const Field* group) {
            const TypeId type = shapes.strip(group->type);
            if (!is_aggregate(shapes.type(type)))
                return false;
            std::vector<const Field*> twins;
            for (Field part : fields_of(shapes, type)) {
                part.at += group->at;
                const auto twin = std::ranges::find_if(others, [&](const Field* other) {
                    return is_same(part, *other) && other->name.ends_with(part.name.substr(part.name.rfind('.') + 1));
                });
                if (twin == others.end())
                    return false;
                twins.push_back(*twin);
            }
            std::erase_if(others, [&](const Field* it) { return std::ranges::find(twins, it) != twins.end(); });
            return !twins.empty();
        });
    }

    // A member that is gone and one that is new, of one kind in one place, are a member with a new name.
    void compare_others() {
        pair_regrouped(added_, after_, removed_,
                       [&](const Field& part, const Field& old) { return is_same_field(old, part); });
        pair_regrouped(removed_, before_, added_,
                       [&](const Field& part, const Field& now) { return is_same_field(part, now); });
        for (const Field* field : added_) {
            auto twin = std::ranges::find_if(removed_, [&](const Field* old) { return is_same_field(*old, *field); });
            if (twin == removed_.end()) {
                compare_added(*field);
                continue;
            }
            if ((*twin)->name != field->name)
                say(fmt::format("`{}` was `{}`", field->name, (*twin)->name), Weight::renamed);
            removed_.erase(twin);
        }
        for (const Field* field : removed_) {
            change_.is_grown_only = false;
            say(fmt::format("`{}` ({}) at {} is gone", field->name, describe(before_, *field), place_of(*field)),
                Weight::changed);
        }
    }

    void compare_added(const Field& field) {
        say(fmt::format("`{}` ({}) is new at {}", field.name, describe(after_, field), place_of(field)),
            weight_of(field));
    }

    Weight weight_of(const Field& field) const {
        // An open array has its elements behind the object.
        if (field.bits == 0)
            return before_.type(original_).size != 0 && field.end() <= before_.type(original_).size * 8 &&
                           std::ranges::any_of(new_fields_,
                                               [&](const Field& other) {
                                                   return &other != &field && other.at >= field.at && other.bits;
                                               })
                       ? Weight::overlaid
                       : Weight::changed;
        if (field.end() > before_.type(original_).size * 8)
            return Weight::changed;
        bool is_free = std::ranges::none_of(old_fields_, [&](const Field& old) { return old.overlaps(field); });
        if (is_free)
            return needs_initialisation(after_, field.type) ? Weight::changed : Weight::hole_filled;
        // Covered by what is still there under its own name: another view of the same bytes.
        uint64_t covered = field.at;
        for (bool grows = true; grows && covered < field.end();) {
            grows = false;
            for (const Field& old : old_fields_)
                if (old.at <= covered && old.end() > covered) {
                    covered = old.end();
                    grows = true;
                }
        }
        return covered >= field.end() ? Weight::overlaid : Weight::hole_filled;
    }

    const Shapes& before_;
    const Shapes& after_;
    TypeId original_, patched_;
    LayoutChange& change_;
    std::vector<Field> old_fields_, new_fields_;
    std::vector<const Field*> added_, removed_;
    std::vector<std::string> moved_;
};

std::string name_of(const Shapes& shapes, TypeId id) {
    const Type& type = shapes.type(id);
    return type.scope.empty() ? shapes.spelling(id) : fmt::format("{} of {}()", shapes.spelling(id), type.scope);
}

bool has_layout(const Type& type) {
    return (is_aggregate(type) && type.is_complete && !type.name.empty()) || type.kind == Kind::alias;
}

// The types that a name stands for; several of one name and scope are rare.
std::unordered_map<std::string, std::vector<TypeId>> by_name(const Types& types) {
    std::unordered_map<std::string, std::vector<TypeId>> result;
    for (TypeId id = 1; id < types.types.size(); ++id)
        if (const Type& type = types.types[id]; has_layout(type))
            result[fmt::format("{} {} {}", static_cast<int>(type.kind), type.scope, type.name)].push_back(id);
    return result;
}

class Layout {
public:
    Layout(Shapes& before, Shapes& after) : before_(before), after_(after) {}

    Layouts run() {
        find_differing();
        for (auto [original, patched] : differing_)
            if (before_.type(original).kind == Kind::alias)
                compare_alias(original, patched);
            else
                compare_aggregate(original, patched);
        compare_variables();
        return std::move(result_);
    }

private:
    void find_differing() {
        const auto old_types = by_name(before_.types());
        for (const auto& [name, patched] : by_name(after_.types())) {
            auto original = old_types.find(name);
            if (original == old_types.end())
                continue;
            for (size_t at = 0; at < std::min(patched.size(), original->second.size()); ++at) {
                const TypeId old = original->second[at];
                if (before_.layout(old) != after_.layout(patched[at]))
                    differing_.emplace_back(old, patched[at]);
            }
        }
        std::ranges::sort(differing_);
        for (auto [original, patched] : differing_)
            names_.insert(before_.spelling(original));
    }

    // Members of the same names and types in the same order: what differs is inside of one of them.
    bool is_by_members(TypeId original, TypeId patched) const {
        const std::vector<Field> old_fields = fields_of(before_, original), fields = fields_of(after_, patched);
        bool has_cause = false;
        return std::ranges::equal(old_fields, fields,
                                  [&](const Field& a, const Field& b) {
                                      const std::string text = before_.spelling(a.type);
                                      has_cause |= names_.contains(before_.spelling(before_.element(a.type))) ||
                                                   names_.contains(text);
                                      return a.name == b.name && a.is_bit_field == b.is_bit_field &&
                                             (!a.is_bit_field || a.bits == b.bits) && text == after_.spelling(b.type);
                                  }) &&
               has_cause;
    }

    LayoutChange start(TypeId original, TypeId patched) const {
        LayoutChange change;
        change.original = original;
        change.patched = patched;
        change.name = name_of(after_, patched);
        change.file = after_.type(patched).file;
        change.line = after_.type(patched).line;
        return change;
    }

    void compare_aggregate(TypeId original, TypeId patched) {
        LayoutChange change = start(original, patched);
        if (!Comparison(before_, original, after_, patched, change).run())
            return;
        if (is_by_members(original, patched))
            result_.embedding.push_back(original);
        else
            result_.changes.push_back(std::move(change));
    }

    // What a typedef of a structure stands for is compared as that structure.
    void compare_alias(TypeId original, TypeId patched) {
        if (is_same_meaning(before_, original, after_, patched))
            return;
        const TypeId old = before_.element(original), now = after_.element(patched);
        if (is_aggregate(before_.type(old)) && is_aggregate(after_.type(now)) &&
            before_.type(old).name == after_.type(now).name &&
            before_.size(original) / std::max<uint64_t>(before_.size(old), 1) ==
                after_.size(patched) / std::max<uint64_t>(after_.size(now), 1))
            return;
        LayoutChange change = start(original, patched);
        add_type_difference(original, patched, change);
        result_.changes.push_back(std::move(change));
    }

    void add_type_difference(TypeId original, TypeId patched, LayoutChange& change) const {
        const TypeId old = before_.type(original).kind == Kind::alias ? before_.type(original).target : original;
        const TypeId now = after_.type(patched).kind == Kind::alias ? after_.type(patched).target : patched;
        change.differences.push_back(fmt::format("it is {} ({} bytes), was {} ({} bytes)", after_.spelling(now),
                                                 after_.size(now), before_.spelling(old), before_.size(old)));
    }

    // Variables whose type has no name of its own to be compared under.
    void compare_variables() {
        std::map<std::pair<std::string_view, std::string_view>, std::vector<const Variable*>> originals;
        for (const Variable& variable : before_.types().variables)
            originals[{variable.scope, variable.name}].push_back(&variable);
        std::map<std::pair<std::string_view, std::string_view>, std::vector<const Variable*>> patched;
        for (const Variable& variable : after_.types().variables)
            patched[{variable.scope, variable.name}].push_back(&variable);
        for (const auto& [name, variables] : patched) {
            auto found = originals.find(name);
            // Several of one name in one scope: which is which nobody knows here.
            if (found != originals.end() && found->second.size() == 1 && variables.size() == 1)
                compare_variable(*found->second.front(), *variables.front());
        }
    }

    void compare_variable(const Variable& original, const Variable& patched) {
        LayoutChange change;
        change.original = original.type;
        change.patched = patched.type;
        change.name = patched.scope.empty() ? fmt::format("variable {}", patched.name)
                                            : fmt::format("variable {} of {}()", patched.name, patched.scope);
        change.file = patched.file;
        change.line = patched.line;
        const TypeId old = before_.element(original.type), now = after_.element(patched.type);
        const Type &a = before_.type(old), &b = after_.type(now);
        if (before_.layout(original.type) == after_.layout(patched.type))
            return;
        if (is_aggregate(a) && is_aggregate(b) && a.name.empty() && b.name.empty()) {
            if (Comparison(before_, old, after_, now, change).run())
                result_.changes.push_back(std::move(change));
            return;
        }
        // Another size is the differ's to judge: it may be a table that goes with its functions.
        if (is_same_meaning(before_, original.type, after_, patched.type) ||
            before_.size(original.type) != after_.size(patched.type))
            return;
        change.is_variable = true;
        add_type_difference(original.type, patched.type, change);
        result_.changes.push_back(std::move(change));
    }

    Shapes& before_;
    Shapes& after_;
    std::vector<std::pair<TypeId, TypeId>> differing_;
    std::set<std::string> names_; // of the differing types
    Layouts result_;
};

} // namespace

Layouts compare_layouts(Shapes& before, Shapes& after) {
    return Layout(before, after).run();
}

} // namespace klp::sense
