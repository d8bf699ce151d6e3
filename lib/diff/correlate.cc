#include "diff/correlate.h"

#include <algorithm>
#include <elf.h>
#include <functional>
#include <unordered_map>

namespace klp::diff {

namespace {

struct Key {
    std::string name;
    std::string file; // empty for globals
    bool operator==(const Key&) const = default;
};

struct KeyHash {
    size_t operator()(const Key& key) const {
        return std::hash<std::string>{}(key.name) * 31 + std::hash<std::string>{}(key.file);
    }
};

using Candidates = std::unordered_map<Key, std::vector<uint32_t>, KeyHash>;

class Correlator {
public:
    Correlator(const Unit& original, const Unit& patched) : original_(original), patched_(patched) {
        result_.to_patched.assign(original.pieces().size(), none);
        result_.to_original.assign(patched.pieces().size(), none);
    }
    Correlation run();

private:
    using KeyOf = std::function<Key(const Unit&, const Piece&)>;
    using Filter = std::function<bool(const Unit&, const Piece&)>;

    void pair(uint32_t original, uint32_t patched) {
        result_.to_patched[original] = patched;
        result_.to_original[patched] = original;
    }
    bool is_free(const Unit& unit, uint32_t piece) const {
        return (&unit == &original_ ? result_.to_patched : result_.to_original)[piece] == none;
    }
    Candidates collect(const Unit& unit, const Filter& filter, const KeyOf& key) const;
    void pair_unique(const Filter& filter, const KeyOf& key);
    void pair_clones();
    void pair_clone_group(std::vector<uint32_t> original, std::vector<uint32_t> patched);
    void pair_by_use();
    bool pair_uses_once();
    std::vector<std::vector<uint32_t>> uses(const Unit& unit) const;
    bool pair_used(const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched);

    const Unit& original_;
    const Unit& patched_;
    Correlation result_;
};

bool is_global(const Unit& unit, const Piece& piece) {
    return piece.symbol != 0 && !unit.object().symbol(piece.symbol).is_local();
}

bool is_kept(const Piece& piece) {
    return piece.symbol != 0 && (piece.kind == PieceKind::function || piece.identity == Identity::kept);
}

bool is_static_local(const Unit& unit, const Piece& piece) {
    return piece.kind == PieceKind::variable && !is_global(unit, piece) && is_numbered(unit.name(piece));
}

bool is_numbered_clone(const Unit& unit, const Piece& piece) {
    if (piece.kind != PieceKind::function || is_global(unit, piece))
        return false;
    std::string_view name = unit.name(piece);
    return is_clone(name) || is_numbered(name) || name.find(".llvm.") != std::string_view::npos;
}

Key exact_key(const Unit& unit, const Piece& piece) {
    return {std::string(unit.name(piece)), is_global(unit, piece) ? std::string() : unit.file_key(piece.file)};
}

Key stem_key(const Unit& unit, const Piece& piece) {
    return {stem(unit.name(piece)), is_global(unit, piece) ? std::string() : unit.file_key(piece.file)};
}

Key name_key(const Unit& unit, const Piece& piece) {
    return {std::string(unit.name(piece)), {}};
}

Candidates Correlator::collect(const Unit& unit, const Filter& filter, const KeyOf& key) const {
    Candidates found;
    found.reserve(unit.pieces().size());
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        if (is_kept(piece) && is_free(unit, index) && filter(unit, piece))
            found[key(unit, piece)].push_back(index);
    }
    return found;
}

bool is_same_kind(const Piece& a, const Piece& b) {
    return a.kind == b.kind;
}

// Pairs what has a key that one free piece on each side has.
void Correlator::pair_unique(const Filter& filter, const KeyOf& key) {
    Candidates candidates = collect(original_, filter, key);
    for (auto& [name, patched] : collect(patched_, filter, key)) {
        auto found = candidates.find(name);
        if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1)
            continue;
        if (is_same_kind(original_.piece(found->second[0]), patched_.piece(patched[0])))
            pair(found->second[0], patched[0]);
    }
}

void Correlator::pair_clones() {
    Candidates candidates = collect(original_, is_numbered_clone, stem_key);
    for (auto& [name, patched] : collect(patched_, is_numbered_clone, stem_key))
        if (auto found = candidates.find(name); found != candidates.end())
            pair_clone_group(found->second, patched);
}

// foo.constprop.0 and .1 may have changed their numbers: equal bytes first, then equal names, then the order.
void Correlator::pair_clone_group(std::vector<uint32_t> original, std::vector<uint32_t> patched) {
    auto pair_where = [&](auto&& matches) {
        for (uint32_t& a : original)
            for (uint32_t& b : patched)
                if (a != none && b != none && matches(original_.piece(a), patched_.piece(b))) {
                    pair(a, b);
                    a = b = none;
                }
        std::erase(original, none);
        std::erase(patched, none);
    };
    if (original.size() > 1 || patched.size() > 1) {
        pair_where([&](const Piece& a, const Piece& b) {
            return original_.bytes(a).size() == patched_.bytes(b).size() &&
                   std::ranges::equal(original_.bytes(a), patched_.bytes(b)) && original_.name(a) == patched_.name(b);
        });
        pair_where(
            [&](const Piece& a, const Piece& b) { return std::ranges::equal(original_.bytes(a), patched_.bytes(b)); });
        pair_where([&](const Piece& a, const Piece& b) { return original_.name(a) == patched_.name(b); });
    }
    for (size_t at = 0; at < std::min(original.size(), patched.size()); ++at)
        pair(original[at], patched[at]);
}

// For each function and variable: the free static locals that it refers to, in the order of the first reference.
std::vector<std::vector<uint32_t>> Correlator::uses(const Unit& unit) const {
    std::vector<std::vector<uint32_t>> result(unit.pieces().size());
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        Role role = unit.role(piece.section);
        if (piece.symbol == 0 || role == Role::unknown || role == Role::registry)
            continue;
        std::vector<uint32_t>& list = result[piece.parent == none ? index : piece.parent];
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            Reference reference = unit.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || reference.id == index)
                continue;
            const Piece& target = unit.piece(reference.id);
            bool is_candidate = is_static_local(unit, target) && is_kept(target) && is_free(unit, reference.id);
            if (is_candidate && std::ranges::find(list, reference.id) == list.end())
                list.push_back(reference.id);
        }
    }
    return result;
}

// Pairs the variables of equal stem that two corresponding users have; only if nothing is left to guess.
bool Correlator::pair_used(const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) {
    bool has_paired = false;
    auto same_stem = [](const Unit& unit, const std::vector<uint32_t>& list, const std::string& wanted,
                        auto&& is_open) {
        std::vector<uint32_t> found;
        for (uint32_t index : list)
            if (is_open(unit, index) && stem(unit.name(unit.piece(index))) == wanted)
                found.push_back(index);
        return found;
    };
    auto is_open = [&](const Unit& unit, uint32_t index) { return is_free(unit, index); };
    for (uint32_t candidate : original) {
        if (!is_free(original_, candidate))
            continue;
        std::string wanted = stem(original_.name(original_.piece(candidate)));
        std::vector<uint32_t> a = same_stem(original_, original, wanted, is_open);
        std::vector<uint32_t> b = same_stem(patched_, patched, wanted, is_open);
        if (a.size() != b.size())
            continue;
        for (size_t at = 0; at < a.size(); ++at)
            pair(a[at], b[at]);
        has_paired = has_paired || !a.empty();
    }
    return has_paired;
}

bool Correlator::pair_uses_once() {
    std::vector<std::vector<uint32_t>> original = uses(original_);
    std::vector<std::vector<uint32_t>> patched = uses(patched_);
    bool has_paired = false;
    for (uint32_t index = 0; index < original.size(); ++index)
        if (uint32_t partner = result_.to_patched[index]; partner != none && !original[index].empty())
            has_paired = pair_used(original[index], patched[partner]) || has_paired;
    return has_paired;
}

void Correlator::pair_by_use() {
    while (pair_uses_once()) {
    }
    // Those whose users came, went or were inlined elsewhere: the only one left of its name is the one.
    pair_unique(is_static_local, stem_key);
    pair_unique(is_static_local, exact_key);
    while (pair_uses_once()) {
    }
}

Correlation Correlator::run() {
    auto has_own_name = [](const Unit& unit, const Piece& piece) {
        return !is_static_local(unit, piece) && !is_numbered_clone(unit, piece);
    };
    pair_unique(has_own_name, exact_key);
    pair_clones();
    // Made static or global, or in a source that got another name.
    pair_unique(has_own_name, name_key);
    pair_by_use();
    return std::move(result_);
}

} // namespace

Correlation correlate(const Unit& original, const Unit& patched) {
    return Correlator(original, patched).run();
}

} // namespace klp::diff
