#include "diff/callers.h"

#include <optional>

namespace klp::diff {

namespace {

bool is_init_code(const Unit& unit, uint32_t piece) {
    return arch::is_init(unit.object().section(unit.piece(piece).section).name);
}

// The functions that call each function of a unit, and whether anybody takes its address.
class Callers {
public:
    explicit Callers(const Unit& unit) : unit_(unit), callers_(unit.pieces().size()), address_taken_(callers_.size()) {
        for (uint32_t index = 0; index < callers_.size(); ++index)
            read(index);
    }

    // The callers of a function, without parts of itself; nothing if its address is taken.
    const std::vector<uint32_t>* of(uint32_t function) const {
        return address_taken_[function] ? nullptr : &callers_[function];
    }

private:
    void read(uint32_t from) {
        const Piece& piece = unit_.piece(from);
        Role role = unit_.role(piece.section);
        if (role == Role::unknown || role == Role::registry)
            return; // marks like .discard.addressable keep a symbol, they do not call it
        for (const elf::Relocation& relocation : unit_.relocations(piece)) {
            Reference reference = unit_.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || unit_.piece(reference.id).kind != PieceKind::function)
                continue;
            uint32_t target = unit_.root_of(reference.id);
            if (unit_.root_of(from) == target)
                continue;
            if (piece.kind == PieceKind::function &&
                unit_.machine().is_branch(unit_.object().section(piece.section).data, relocation))
                callers_[target].push_back(unit_.root_of(from));
            else if (reference.offset <= 0) // tables of its labels, and alternatives that jump back into it, call nobody
                address_taken_[target] = true;
        }
    }

    const Unit& unit_;
    std::vector<std::vector<uint32_t>> callers_;
    std::vector<bool> address_taken_;
};

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
        const std::vector<uint32_t>* now = after_.of(piece);
        uint32_t partner = pair_.before(piece);
        const std::vector<uint32_t>* then = partner == none ? now : before_.of(partner);
        if (!now || !then)
            return std::nullopt;
        std::vector<uint32_t> callers;
        for (uint32_t caller : *now)
            if (!is_init_code(pair_.patched, caller))
                callers.push_back(caller);
        if (partner != none)
            for (uint32_t caller : *then)
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
    Callers before_;
    Callers after_;
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
