#include "diff/pairing.h"

#include "diff/storage.h"

namespace klp::diff {

Pairing::Pairing(const Unit& original, const Unit& patched) : original_(original), patched_(patched) {
    known_.to_patched.assign(original.pieces().size(), none);
    known_.to_original.assign(patched.pieces().size(), none);
}

void Pairing::pair(uint32_t original, uint32_t patched) {
    known_.to_patched[original] = patched;
    known_.to_original[patched] = original;
}

// What was __init data is gone.
bool Pairing::may_pair(uint32_t original, uint32_t patched) const {
    const Piece& a = original_.piece(original);
    const Piece& b = patched_.piece(patched);
    return a.kind == b.kind && storage_change(original_, a, patched_, b) != StorageChange::fresh;
}

Pairing::Candidates Pairing::collect(const Unit& unit, const Filter& filter, const KeyOf& key) const {
    Candidates found;
    found.reserve(unit.pieces().size());
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        if (is_kept(piece) && is_free(unit, index) && filter(unit, piece))
            found[key(unit, piece)].push_back(index);
    }
    return found;
}

std::string_view own_name(const Unit& unit, const Piece& piece) {
    return without_llvm_hash(unit.name(piece));
}

bool is_global(const Unit& unit, const Piece& piece) {
    return !unit.is_local(piece) && own_name(unit, piece) == unit.name(piece);
}

bool is_kept(const Piece& piece) {
    return piece.symbol != 0 && (piece.kind == PieceKind::function || piece.identity == Identity::kept);
}

bool is_static_local(const Unit& unit, const Piece& piece) {
    return piece.kind == PieceKind::variable && !is_global(unit, piece) &&
           (is_numbered(own_name(unit, piece)) || is_static_local_name(own_name(unit, piece)));
}

std::string name_scope(const Unit& unit, const Piece& piece) {
    return is_global(unit, piece) ? std::string() : unit.file_key(piece.file);
}

Pairing::Key stem_key(const Unit& unit, const Piece& piece) {
    return {stem(unit.name(piece)), name_scope(unit, piece)};
}

} // namespace klp::diff
