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
            else
                address_taken_[target] = true;
        }
    }

    const Unit& unit_;
    std::vector<std::vector<uint32_t>> callers_;
    std::vector<bool> address_taken_;
};

class Climb {
public:
    Climb(const Unit& original, const Unit& patched, const Correlation& correlation, Comparison& comparison)
        : original_(original), patched_(patched), correlation_(correlation), comparison_(comparison), before_(original),
          after_(patched) {}

    void run(uint32_t function) {
        std::vector<uint32_t> through;
        std::vector<uint32_t> hooked;
        std::vector<bool> seen(patched_.pieces().size(), false);
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
        if (patched_.piece(piece).symbol == 0 || !patched_.is_local(patched_.piece(piece)))
            return std::nullopt;
        const std::vector<uint32_t>* now = after_.of(piece);
        uint32_t partner = correlation_.to_original[piece];
        const std::vector<uint32_t>* then = partner == none ? now : before_.of(partner);
        if (!now || !then)
            return std::nullopt;
        std::vector<uint32_t> callers;
        for (uint32_t caller : *now)
            if (!is_init_code(patched_, caller))
                callers.push_back(caller);
        if (partner != none)
            for (uint32_t caller : *then)
                if (uint32_t same = correlation_.to_patched[caller]; same != none && !is_init_code(patched_, same))
                    callers.push_back(same);
        return callers;
    }

    bool is_hookable(uint32_t piece) const {
        uint32_t partner = correlation_.to_original[piece];
        return partner != none && original_.has_ftrace_location(partner);
    }

    void mark(uint32_t root, bool is_through) {
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
            if (patched_.piece(index).kind == PieceKind::function && patched_.root_of(index) == root) {
                comparison_.changed_functions[index] = correlation_.to_original[root] != none;
                comparison_.through_callers[index] = is_through;
            }
    }

    const Unit& original_;
    const Unit& patched_;
    const Correlation& correlation_;
    Comparison& comparison_;
    Callers before_;
    Callers after_;
};

} // namespace

void reach_through_callers(const Unit& original, const Unit& patched, const Correlation& correlation,
                           Comparison& comparison) {
    comparison.through_callers.assign(patched.pieces().size(), false);
    std::vector<uint32_t> unreachable;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        uint32_t partner = correlation.to_original[index];
        bool is_changed = comparison.changed_functions[index] && patched.piece(index).parent == none;
        if (is_changed && partner != none && !original.has_ftrace_location(partner) && !is_init_code(patched, index))
            unreachable.push_back(index);
    }
    if (unreachable.empty())
        return;
    Climb climb(original, patched, correlation, comparison);
    for (uint32_t function : unreachable)
        climb.run(function);
}

} // namespace klp::diff
