#include "sense/usage.h"

#include <algorithm>

namespace klp::sense {

namespace {

enum class Way : uint8_t { by_value, by_pointer };

class Search {
public:
    Search(const Shapes& shapes, TypeId type) : shapes_(shapes), types_(shapes.types()), target_(type) {
        holds_.resize(types_.types.size());
        holds_[type] = true;
        spread(holds_, Way::by_value);
        reaches_ = holds_;
        spread(reaches_, Way::by_pointer);
    }

    Usage run() {
        Usage usage;
        for (TypeId id = 1; id < types_.types.size(); ++id)
            if (id != target_ && holds_[id] && is_aggregate(types_.types[id]) && !types_.types[id].name.empty())
                usage.embedding.push_back(shapes_.spelling(id));
        for (const Variable& variable : types_.variables)
            if (holds_[variable.type]) {
                usage.holders.push_back(&variable);
                usage.variables.push_back(variable.scope.empty() ? variable.name
                                                                 : variable.name + " of " + variable.scope + "()");
            }
        Locals locals;
        for (uint32_t at = 0; at < types_.functions.size(); ++at)
            if (types_.functions[at].has_code && handles(at, locals))
                usage.functions.push_back(types_.functions[at].name);
        for (std::vector<std::string>* list : {&usage.embedding, &usage.variables, &usage.functions}) {
            std::ranges::sort(*list);
            list->erase(std::ranges::unique(*list).begin(), list->end());
        }
        const bool is_kept = locals.has_result || is_in_variable() || is_behind_member() || can_be_linked(target_, 0);
        // What no function has by value is somewhere else: `((struct parms *)skb->cb)->uid` names it in a cast only.
        usage.is_on_stacks_only = !is_kept && locals.has_object && !locals.has_pointer;
        usage.is_perhaps_on_stacks_only = !is_kept && locals.has_object;
        usage.is_in_variables_only = !usage.holders.empty() && !is_behind_member();
        return usage;
    }

private:
    // What the functions that handle it have on their stacks, and return.
    struct Locals {
        bool has_object = false, has_pointer = false, has_result = false;
    };

    // Marks what leads to a marked type, until nothing is new. Each round goes over all types; the chains are short.
    void spread(std::vector<bool>& marks, Way way) const {
        for (bool is_new = true; is_new;) {
            is_new = false;
            for (TypeId id = 1; id < types_.types.size(); ++id) {
                if (marks[id] || !leads_on(marks, types_.types[id], way))
                    continue;
                marks[id] = is_new = true;
            }
        }
    }

    static bool leads_on(const std::vector<bool>& marks, const Type& type, Way way) {
        switch (type.kind) {
        case Kind::alias:
        case Kind::qualifier:
        case Kind::array:
            return marks[type.target];
        case Kind::pointer:
            return way == Way::by_pointer && marks[type.target];
        case Kind::structure:
        case Kind::union_type:
            return way == Way::by_value && has_marked_member(marks, type);
        case Kind::function:
            return way == Way::by_pointer && (marks[type.target] || has_marked_member(marks, type));
        default:
            return false;
        }
    }

    static bool has_marked_member(const std::vector<bool>& marks, const Type& type) {
        return std::ranges::any_of(type.members, [&](const Member& member) { return marks[member.type]; });
    }

    bool handles(uint32_t function, Locals& locals) const {
        std::vector<bool> seen(types_.functions.size());
        std::vector<uint32_t> open = {function};
        bool is_found = false;
        while (!open.empty()) {
            const uint32_t at = open.back();
            open.pop_back();
            if (seen[at])
                continue;
            seen[at] = true;
            const Function& one = types_.functions[at];
            for (TypeId id : one.parameters) {
                is_found |= reaches_[id];
                locals.has_object |= holds_[id];
            }
            for (TypeId id : one.locals) {
                is_found |= reaches_[id];
                locals.has_object |= holds_[id];
                locals.has_pointer |= reaches_[id] && !holds_[id];
            }
            if (reaches_[types_.types[one.prototype].target])
                is_found = locals.has_result = true;
            open.insert(open.end(), one.inlined.begin(), one.inlined.end());
        }
        return is_found;
    }

    bool is_in_variable() const {
        return std::ranges::any_of(types_.variables, [&](const Variable& variable) { return reaches_[variable.type]; });
    }

    bool is_behind_member() const {
        return std::ranges::any_of(types_.types, [&](const Type& type) {
            return is_aggregate(type) && std::ranges::any_of(type.members, [&](const Member& member) {
                       return reaches_[member.type] && !holds_[member.type];
                   });
        });
    }

    // By a list head or its like inside of it others can get at it without its type being named.
    bool can_be_linked(TypeId id, unsigned depth) const {
        constexpr unsigned deepest = 16;
        const Type& type = shapes_.type(shapes_.element(id));
        if (!is_aggregate(type) || depth > deepest)
            return false;
        return std::ranges::any_of(type.members, [&](const Member& member) {
            const Type& inner = shapes_.type(shapes_.element(member.type));
            const bool is_pointer = inner.kind == Kind::pointer && depth > 0;
            return is_pointer || can_be_linked(member.type, depth + 1);
        });
    }

    const Shapes& shapes_;
    const Types& types_;
    TypeId target_;
    std::vector<bool> holds_;   // by value
    std::vector<bool> reaches_; // or by pointers, but not through members
};

} // namespace

Usage find_usage(const Shapes& shapes, TypeId type) {
    return Search(shapes, type).run();
}

} // namespace klp::sense
