#include "diff/callers.h"

#include "diff/function_uses.h"

#include <optional>

namespace klp::diff {

namespace {

class Climb {
public:
    Climb(const Pair& pair, ReachedChanges& reached)
        : pair_(pair), reached_(reached), before_(pair.original), after_(pair.patched) {}

    void run(uint32_t function) {
        std::vector<uint32_t> through;
        std::vector<uint32_t> hooked;
        std::vector<bool> seen(pair_.patched.pieces().size(), false);
        if (!climb(function, seen, through, hooked) || hooked.empty())
            return;
        for (uint32_t piece : through)
            mark(piece, true);
        for (uint32_t piece : hooked)
            mark(piece, false);
    }

private:
    // False if somebody above `function` cannot be reached.
    bool climb(uint32_t function, std::vector<bool>& seen, std::vector<uint32_t>& through,
               std::vector<uint32_t>& hooked) {
        std::vector<uint32_t> queue{function};
        seen[function] = true;
        while (!queue.empty()) {
            uint32_t piece = queue.back();
            queue.pop_back();
            if (is_hookable(piece)) {
                hooked.push_back(piece);
                continue;
            }
            std::optional<std::vector<uint32_t>> above = callers_of(piece);
            if (!above)
                return false;
            through.push_back(piece);
            for (uint32_t caller : *above) {
                if (!seen[caller])
                    queue.push_back(caller);
                seen[caller] = true;
            }
        }
        return true;
    }

    // Those of both units: one that no longer calls it has changed itself, one that is gone is not called any more.
    std::optional<std::vector<uint32_t>> callers_of(uint32_t piece) const {
        if (pair_.patched.piece(piece).symbol == 0 || !pair_.patched.is_local(pair_.patched.piece(piece)))
            return std::nullopt;
        const uint32_t partner = pair_.before(piece);
        if (after_.is_pointed_to(piece) || (partner != none && before_.is_pointed_to(partner)))
            return std::nullopt;
        std::vector<uint32_t> callers;
        for (uint32_t caller : after_.callers_of(piece))
            if (!is_init_code(pair_.patched, caller))
                callers.push_back(caller);
        if (partner != none)
            for (uint32_t caller : before_.callers_of(partner))
                if (uint32_t same = pair_.after(caller); same != none && !is_init_code(pair_.patched, same))
                    callers.push_back(same);
        return callers;
    }

    bool is_hookable(uint32_t piece) const {
        uint32_t partner = pair_.before(piece);
        return partner != none && pair_.original.has_ftrace_location(partner);
    }

    void mark(uint32_t root, bool is_through) {
        std::vector<uint32_t> all = pair_.patched.parts_of(root);
        all.push_back(root);
        for (uint32_t index : all) {
            reached_.functions[index] = pair_.before(root) != none;
            reached_.through_callers[index] = is_through;
        }
    }

    const Pair& pair_;
    ReachedChanges& reached_;
    FunctionUses before_;
    FunctionUses after_;
};

} // namespace

ReachedChanges reach_through_callers(const Pair& pair, const std::vector<bool>& changed) {
    ReachedChanges reached{changed, std::vector<bool>(changed.size(), false)};
    std::vector<uint32_t> unreachable;
    for (uint32_t index = 0; index < changed.size(); ++index) {
        const uint32_t partner = pair.before(index);
        const bool is_changed = changed[index] && pair.patched.piece(index).parent == none;
        if (is_changed && partner != none && !pair.original.has_ftrace_location(partner) &&
            !is_init_code(pair.patched, index))
            unreachable.push_back(index);
    }
    if (unreachable.empty())
        return reached;
    Climb climb(pair, reached);
    for (uint32_t function : unreachable)
        climb.run(function);
    return reached;
}

} // namespace klp::diff
