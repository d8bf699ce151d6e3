#include "diff/selection.h"

#include "diff/router.h"

namespace klp::diff {

namespace {

// Redirected by a hook of its own: others come along with their callers.
bool is_hooked(const Pair& pair, const Changes& changes, uint32_t piece) {
    const Piece& it = pair.patched.piece(piece);
    return it.kind == PieceKind::function && it.parent == none && pair.before(piece) != none &&
           changes.replaced[piece] && (!changes.through_callers[piece] || pair.macros.forced_functions.contains(piece));
}

bool is_new_global(const Pair& pair, uint32_t piece) {
    const Unit& patched = pair.patched;
    const Piece& it = patched.piece(piece);
    if (pair.before(piece) != none || patched.is_local(it) || arch::is_init(patched.object().section(it.section).name))
        return false;
    const bool is_function = it.kind == PieceKind::function && it.parent == none;
    const bool is_data =
        it.kind == PieceKind::variable && patched.role(it.section) == Role::data && it.identity == Identity::kept;
    return is_function || is_data;
}

class Follower {
public:
    Follower(const Pair& pair, const Changes& changes, const KernelSymbols& kernel)
        : pair_(pair), changes_(changes), patched_(pair.patched), router_(pair, changes, kernel),
          result_{std::vector<bool>(pair.patched.pieces().size(), false),
                  std::vector<uint32_t>(pair.patched.pieces().size(), none),
                  {},
                  Routing(pair.patched.pieces().size())} {}

    Selection run() {
        include_seeds();
        while (!queue_.empty()) {
            const uint32_t piece = queue_.back();
            queue_.pop_back();
            follow_piece(piece);
        }
        return std::move(result_);
    }

private:
    void include_seeds() {
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
            const bool is_changed = is_hooked(pair_, changes_, index);
            if (is_changed)
                result_.changed.push_back(index);
            if (is_changed || is_new_global(pair_, index))
                include(index, none);
        }
        for (const Callback& callback : pair_.macros.callbacks)
            include(callback.function, none);
    }

    void include(uint32_t piece, uint32_t by) {
        if (result_.included[piece])
            return;
        result_.included[piece] = true;
        result_.pulled_by[piece] = by;
        queue_.push_back(piece);
    }

    void follow_piece(uint32_t piece) {
        const Piece& it = patched_.piece(piece);
        result_.routing.add(piece, follow_all({piece, it.section, false}, patched_.relocations(it)));
        for (const SpecialEntry& entry : patched_.entries_of(piece))
            result_.routing.add(entry, follow_all({piece, entry.section, true}, patched_.relocations(entry)));
        if (it.parent != none)
            include(it.parent, piece);
        // A nameless table may be read from its beginning on.
        if (it.kind == PieceKind::fragment && patched_.role(it.section) == Role::data &&
            patched_.relocations(it).empty())
            include_run(piece);
    }

    void include_run(uint32_t piece) {
        const uint64_t end = patched_.run_end(piece);
        for (uint32_t next = piece + 1; next < patched_.pieces().size(); ++next) {
            const Piece& neighbour = patched_.piece(next);
            if (neighbour.section != patched_.piece(piece).section || neighbour.start >= end)
                break;
            include(next, piece);
        }
    }

    std::vector<RoutedReference> follow_all(const Referrer& referrer, std::span<const elf::Relocation> relocations) {
        std::vector<RoutedReference> routed;
        routed.reserve(relocations.size());
        for (const elf::Relocation& relocation : relocations) {
            const RoutedReference& it = routed.emplace_back(router_.route(referrer, relocation));
            if (it.route != Route::inside)
                continue;
            include(it.reference.id, referrer.piece);
            // Either of two that touch may be meant: side by side they touch again.
            if (it.rival_route == Route::inside)
                include(it.reference.rival, referrer.piece);
        }
        return routed;
    }

    const Pair& pair_;
    const Changes& changes_;
    const Unit& patched_;
    Router router_;
    Selection result_;
    std::vector<uint32_t> queue_;
};

} // namespace

Selection follow(const Pair& pair, const Changes& changes, const KernelSymbols& kernel) {
    return Follower(pair, changes, kernel).run();
}

} // namespace klp::diff
