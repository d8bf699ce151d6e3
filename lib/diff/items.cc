#include "diff/items.h"

#include "diff/explain.h"

#include <string>
#include <unordered_set>

namespace klp::diff {

namespace {

std::string kind_of(const Piece& piece) {
    switch (piece.kind) {
    case PieceKind::function:
        return "function";
    case PieceKind::variable:
        return "variable";
    case PieceKind::fragment:
        break;
    }
    return "table";
}

std::vector<std::string> chain(const Unit& patched, const Selection& selection, uint32_t piece) {
    std::vector<std::string> names;
    constexpr size_t enough = 32;
    for (uint32_t at = selection.pulled_by[piece]; at != none && names.size() < enough; at = selection.pulled_by[at])
        names.push_back(patched.title(at));
    return names;
}

bool is_named(const Piece& piece) {
    return piece.kind != PieceKind::fragment && piece.parent == none &&
           (piece.kind == PieceKind::function || piece.identity == Identity::kept);
}

} // namespace

std::vector<Item> list_items(const Pair& pair, const Selection& selection, const KernelSymbols& kernel) {
    std::vector<Item> items;
    const std::unordered_set<uint32_t> changed(selection.changed.begin(), selection.changed.end());
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        if (!selection.included[index])
            continue;
        const Piece& piece = pair.patched.piece(index);
        const uint32_t partner = pair.before(index);
        Item item;
        item.name = pair.patched.title(index);
        item.kind = kind_of(piece);
        item.size = piece.end - piece.entry;
        item.because = chain(pair.patched, selection, index);
        if (partner != none)
            item.original = pair.original.piece(partner).symbol;
        if (changed.contains(index)) {
            item.change = Change::changed;
            item.sympos = kernel.defined(item.original).sympos;
        } else if (is_named(piece) && partner == none) {
            item.change = Change::added;
        }
        items.push_back(std::move(item));
    }
    return items;
}

std::vector<Item> explain_items(std::vector<Item> items, const Pair& pair, const Changes& changes,
                                const Selection& selection) {
    Explainer explainer(pair, changes);
    size_t at = 0;
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        if (!selection.included[index])
            continue;
        Item& item = items[at++];
        if (item.change != Change::changed)
            continue;
        Explanation explanation = explainer.explain(index);
        item.cause = std::move(explanation.cause);
        item.original_instruction = std::move(explanation.original_instruction);
        item.patched_instruction = std::move(explanation.patched_instruction);
        item.place = std::move(explanation.place);
    }
    return items;
}

} // namespace klp::diff
