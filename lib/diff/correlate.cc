#include "diff/correlate.h"

#include "diff/pair_by_use.h"
#include "diff/pairing.h"

#include <algorithm>
#include <string>
#include <vector>

namespace klp::diff {

namespace {

using Key = Pairing::Key;

bool is_local_function(const Unit& unit, const Piece& piece) {
    return piece.kind == PieceKind::function && !is_global(unit, piece);
}

bool is_numbered_clone(const Unit& unit, const Piece& piece) {
    if (piece.kind != PieceKind::function || is_global(unit, piece))
        return false;
    std::string_view name = own_name(unit, piece);
    return is_clone(name) || is_numbered(name);
}

Key exact_key(const Unit& unit, const Piece& piece) {
    return {std::string(unit.name(piece)), name_scope(unit, piece)};
}

Key own_name_key(const Unit& unit, const Piece& piece) {
    return {std::string(own_name(unit, piece)), name_scope(unit, piece)};
}

Key name_key(const Unit& unit, const Piece& piece) {
    return {std::string(own_name(unit, piece)), {}};
}

class NamePairing {
public:
    explicit NamePairing(Pairing& pairing)
        : pairing_(pairing), original_(pairing.original()), patched_(pairing.patched()) {}

    void run() {
        auto has_own_name = [](const Unit& unit, const Piece& piece) {
            return !is_static_local(unit, piece) && !is_numbered_clone(unit, piece);
        };
        pair_unique(has_own_name, exact_key);
        pair_unique(has_own_name, own_name_key);
        pair_unique([](const Unit& unit, const Piece& piece) { return is_initcall_name(unit.name(piece)); }, stem_key);
        pair_aliases();
        pair_groups(is_numbered_clone, stem_key);
        // Made static or global, or in a source that got another name.
        pair_unique(has_own_name, name_key);
        pair_unique(is_numbered_clone, name_key);
        pair_groups(is_local_function, exact_key);
    }

private:
    // Pairs what has a key that one free piece on each side has.
    void pair_unique(const Pairing::Filter& filter, const Pairing::KeyOf& key) {
        Pairing::Candidates candidates = pairing_.collect(original_, filter, key);
        for (auto& [name, patched] : pairing_.collect(patched_, filter, key)) {
            auto found = candidates.find(name);
            if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1)
                continue;
            const uint32_t original = found->second[0];
            if (pairing_.may_pair(original, patched[0]))
                pairing_.pair(original, patched[0]);
            else if (original_.piece(original).kind == patched_.piece(patched[0]).kind)
                pairing_.revive(original, patched[0]);
        }
    }

    // What has several names on one side may be known by another one than its partner: MODULE_DEVICE_TABLE() gives a
    // table a global name beside its own.
    void pair_aliases() {
        auto collect_names = [&](const Unit& unit) {
            Pairing::Candidates found;
            for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
                const Piece& piece = unit.piece(index);
                if (!is_kept(piece) || !pairing_.is_free(unit, index))
                    continue;
                for (uint32_t alias : unit.symbols_of(index)) {
                    const elf::Symbol& symbol = unit.object().symbol(alias);
                    if (symbol.value == piece.entry && !is_prefix_name(symbol.name))
                        found[{std::string(symbol.name), unit.file_key(unit.file_of(alias))}].push_back(index);
                }
            }
            return found;
        };
        Pairing::Candidates candidates = collect_names(original_);
        for (auto& [name, patched] : collect_names(patched_)) {
            auto found = candidates.find(name);
            if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1 ||
                (original_.symbols_of(found->second[0]).size() < 2 && patched_.symbols_of(patched[0]).size() < 2))
                continue;
            const bool are_free =
                pairing_.is_free(original_, found->second[0]) && pairing_.is_free(patched_, patched[0]);
            if (are_free && pairing_.may_pair(found->second[0], patched[0]))
                pairing_.pair(found->second[0], patched[0]);
        }
    }

    void pair_groups(const Pairing::Filter& filter, const Pairing::KeyOf& key) {
        Pairing::Candidates candidates = pairing_.collect(original_, filter, key);
        for (auto& [name, patched] : pairing_.collect(patched_, filter, key))
            if (auto found = candidates.find(name); found != candidates.end())
                pair_group(found->second, patched);
    }

    // Local functions of one name: foo.constprop.0 and .1 may have changed their numbers. Equal bytes first, then equal
    // names, then the order.
    void pair_group(std::vector<uint32_t> original, std::vector<uint32_t> patched) {
        auto pair_where = [&](auto&& matches) {
            for (uint32_t& a : original)
                for (uint32_t& b : patched)
                    if (a != none && b != none && pairing_.may_pair(a, b) &&
                        matches(original_.piece(a), patched_.piece(b))) {
                        pairing_.pair(a, b);
                        a = b = none;
                    }
            std::erase(original, none);
            std::erase(patched, none);
        };
        if (original.size() > 1 || patched.size() > 1) {
            pair_where([&](const Piece& a, const Piece& b) {
                return original_.bytes(a).size() == patched_.bytes(b).size() &&
                       std::ranges::equal(original_.bytes(a), patched_.bytes(b)) &&
                       original_.name(a) == patched_.name(b);
            });
            pair_where([&](const Piece& a, const Piece& b) {
                return std::ranges::equal(original_.bytes(a), patched_.bytes(b));
            });
            pair_where([&](const Piece& a, const Piece& b) { return original_.name(a) == patched_.name(b); });
        }
        for (size_t at = 0; at < std::min(original.size(), patched.size()); ++at)
            if (pairing_.may_pair(original[at], patched[at]))
                pairing_.pair(original[at], patched[at]);
    }

    Pairing& pairing_;
    const Unit& original_;
    const Unit& patched_;
};

} // namespace

Correlation correlate(const Unit& original, const Unit& patched) {
    Pairing pairing(original, patched);
    NamePairing(pairing).run();
    pair_by_use(pairing);
    return pairing.known();
}

} // namespace klp::diff
