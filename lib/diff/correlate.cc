#include "diff/correlate.h"

#include "diff/referrers.h"
#include "diff/same_place.h"
#include "diff/storage.h"

#include <algorithm>
#include <elf.h>
#include <functional>
#include <unordered_map>
#include <unordered_set>

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
    bool may_pair(uint32_t original, uint32_t patched) const;
    bool is_free(const Unit& unit, uint32_t piece) const {
        return (&unit == &original_ ? result_.to_patched : result_.to_original)[piece] == none;
    }
    Candidates collect(const Unit& unit, const Filter& filter, const KeyOf& key) const;
    void pair_unique(const Filter& filter, const KeyOf& key);
    void pair_aliases();
    void pair_groups(const Filter& filter, const KeyOf& key);
    void pair_group(std::vector<uint32_t> original, std::vector<uint32_t> patched);
    void pair_by_use();
    bool pair_uses_once();
    std::vector<std::vector<uint32_t>> uses(const Unit& unit) const;
    bool pair_used(uint32_t user, const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched);
    bool pair_distinct(const std::pair<std::vector<uint32_t>, std::vector<uint32_t>>& open);
    void pair_leftovers();
    bool may_share(const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) const;

    const Unit& original_;
    const Unit& patched_;
    Correlation result_;
};

// The name in the source's terms: what ThinLTO made global for another unit is as local as before.
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

bool is_local_function(const Unit& unit, const Piece& piece) {
    return piece.kind == PieceKind::function && !is_global(unit, piece);
}

bool is_numbered_clone(const Unit& unit, const Piece& piece) {
    if (piece.kind != PieceKind::function || is_global(unit, piece))
        return false;
    std::string_view name = own_name(unit, piece);
    return is_clone(name) || is_numbered(name);
}

// Where a name is one name: in all sources, or in its own.
std::string scope(const Unit& unit, const Piece& piece) {
    return is_global(unit, piece) ? std::string() : unit.file_key(piece.file);
}

Key exact_key(const Unit& unit, const Piece& piece) {
    return {std::string(unit.name(piece)), scope(unit, piece)};
}

Key stem_key(const Unit& unit, const Piece& piece) {
    return {stem(unit.name(piece)), scope(unit, piece)};
}

Key own_name_key(const Unit& unit, const Piece& piece) {
    return {std::string(own_name(unit, piece)), scope(unit, piece)};
}

Key name_key(const Unit& unit, const Piece& piece) {
    return {std::string(own_name(unit, piece)), {}};
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

// Of the same kind, and both still there when the kernel runs: what was __init data is gone.
bool Correlator::may_pair(uint32_t original, uint32_t patched) const {
    const Piece& a = original_.piece(original);
    const Piece& b = patched_.piece(patched);
    return a.kind == b.kind && storage_change(original_, a, patched_, b) != StorageChange::fresh;
}

// Pairs what has a key that one free piece on each side has.
void Correlator::pair_unique(const Filter& filter, const KeyOf& key) {
    Candidates candidates = collect(original_, filter, key);
    for (auto& [name, patched] : collect(patched_, filter, key)) {
        auto found = candidates.find(name);
        if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1)
            continue;
        const uint32_t original = found->second[0];
        if (may_pair(original, patched[0]))
            pair(original, patched[0]);
        else if (original_.piece(original).kind == patched_.piece(patched[0]).kind)
            result_.revived.emplace(patched[0], original);
    }
}

// What has several names may be known by another one than its partner.
void Correlator::pair_aliases() {
    auto collect_names = [&](const Unit& unit) {
        Candidates found;
        for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
            const Piece& piece = unit.piece(index);
            if (!is_kept(piece) || !is_free(unit, index) || unit.symbols_of(index).size() < 2)
                continue;
            for (uint32_t alias : unit.symbols_of(index)) {
                const elf::Symbol& symbol = unit.object().symbol(alias);
                if (symbol.value == piece.entry && !is_prefix_name(symbol.name))
                    found[{std::string(symbol.name), symbol.is_local() ? unit.file_key(piece.file) : std::string()}]
                        .push_back(index);
            }
        }
        return found;
    };
    Candidates candidates = collect_names(original_);
    if (candidates.empty())
        return;
    for (auto& [name, patched] : collect_names(patched_)) {
        auto found = candidates.find(name);
        if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1)
            continue;
        const bool are_free = is_free(original_, found->second[0]) && is_free(patched_, patched[0]);
        if (are_free && may_pair(found->second[0], patched[0]))
            pair(found->second[0], patched[0]);
    }
}

void Correlator::pair_groups(const Filter& filter, const KeyOf& key) {
    Candidates candidates = collect(original_, filter, key);
    for (auto& [name, patched] : collect(patched_, filter, key))
        if (auto found = candidates.find(name); found != candidates.end())
            pair_group(found->second, patched);
}

// Local functions of one name: foo.constprop.0 and .1 may have changed their numbers. Equal bytes first, then equal
// names, then the order.
void Correlator::pair_group(std::vector<uint32_t> original, std::vector<uint32_t> patched) {
    auto pair_where = [&](auto&& matches) {
        for (uint32_t& a : original)
            for (uint32_t& b : patched)
                if (a != none && b != none && may_pair(a, b) && matches(original_.piece(a), patched_.piece(b))) {
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
        if (may_pair(original[at], patched[at]))
            pair(original[at], patched[at]);
}

// For each function and variable: the free local variables that it refers to, in the order of the first reference.
// They are static locals, and variables of one source and name that only a linked object without FILE symbols has.
std::vector<std::vector<uint32_t>> Correlator::uses(const Unit& unit) const {
    std::vector<std::vector<uint32_t>> result(unit.pieces().size());
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        Role role = unit.role(piece.section);
        if (piece.symbol == 0 || role == Role::unknown || role == Role::registry)
            continue;
        std::vector<uint32_t>& list = result[unit.root_of(index)];
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            Reference reference = unit.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || reference.id == index)
                continue;
            const Piece& target = unit.piece(reference.id);
            bool is_candidate = target.kind == PieceKind::variable && !is_global(unit, target) && is_kept(target) &&
                                is_free(unit, reference.id);
            if (is_candidate && std::ranges::find(list, reference.id) == list.end())
                list.push_back(reference.id);
        }
    }
    return result;
}

// Pairs the variables of equal stem that two corresponding users have: one on each side, or those that the code around
// them, or their size and initial content, tell apart. Neither their order nor their number says which is which.
bool Correlator::pair_used(uint32_t user, const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) {
    bool has_paired = false;
    auto open_of = [&](const Unit& unit, const std::vector<uint32_t>& list, const std::string& wanted) {
        std::vector<uint32_t> found;
        for (uint32_t index : list)
            if (is_free(unit, index) && stem(unit.name(unit.piece(index))) == wanted)
                found.push_back(index);
        return found;
    };
    std::unordered_set<std::string> done;
    for (uint32_t candidate : original) {
        const std::string wanted = stem(original_.name(original_.piece(candidate)));
        if (!is_free(original_, candidate) || !done.insert(wanted).second)
            continue;
        auto open = [&] { return std::pair(open_of(original_, original, wanted), open_of(patched_, patched, wanted)); };
        auto pair_last = [&] {
            const auto [a, b] = open();
            const bool is_last = a.size() == 1 && b.size() == 1 && may_pair(a[0], b[0]);
            if (is_last)
                pair(a[0], b[0]);
            return is_last;
        };
        if (pair_last()) {
            has_paired = true;
            continue;
        }
        const auto [a, b] = open();
        if (a.empty() || b.empty())
            continue;
        bool has_some = false;
        for (auto [old, now] : used_at_same_places(original_, user, patched_, result_.to_patched[user], result_, a, b))
            if (may_pair(old, now)) {
                pair(old, now);
                has_some = true;
            }
        has_some = pair_distinct(open()) || has_some;
        // The one that is left is the one that is left, if all others are known.
        has_some = (a.size() == b.size() && has_some && pair_last()) || has_some;
        has_paired = has_paired || has_some;
    }
    return has_paired;
}

// Pairs variables that no other of their side has the size, the kind of storage and the initial content of.
bool Correlator::pair_distinct(const std::pair<std::vector<uint32_t>, std::vector<uint32_t>>& open) {
    auto is_alike = [](const Unit& one, uint32_t a, const Unit& other, uint32_t b) {
        const Piece& p = one.piece(a);
        const Piece& q = other.piece(b);
        return p.end - p.start == q.end - q.start && storage_of(one, p) == storage_of(other, q) &&
               std::ranges::equal(one.bytes(p), other.bytes(q));
    };
    bool has_paired = false;
    for (uint32_t a : open.first)
        for (uint32_t b : open.second) {
            if (!is_free(original_, a) || !is_free(patched_, b) || !is_alike(original_, a, patched_, b))
                continue;
            const bool is_unique =
                std::ranges::count_if(open.first, [&](uint32_t it) { return is_alike(original_, it, patched_, b); }) ==
                    1 &&
                std::ranges::count_if(open.second, [&](uint32_t it) { return is_alike(original_, a, patched_, it); }) ==
                    1;
            if (is_unique && may_pair(a, b)) {
                pair(a, b);
                has_paired = true;
            }
        }
    return has_paired;
}

bool Correlator::pair_uses_once() {
    std::vector<std::vector<uint32_t>> original = uses(original_);
    std::vector<std::vector<uint32_t>> patched = uses(patched_);
    bool has_paired = false;
    for (uint32_t index = 0; index < original.size(); ++index)
        if (uint32_t partner = result_.to_patched[index]; partner != none && !original[index].empty())
            has_paired = pair_used(index, original[index], patched[partner]) || has_paired;
    return has_paired;
}

// For each of the `wanted` pieces: the functions and variables that refer to it; a function's parts count as the
// function.
std::vector<std::vector<uint32_t>> users_of(const Unit& unit, const std::vector<bool>& wanted) {
    std::vector<std::vector<uint32_t>> users = referrers_of(unit, wanted);
    for (std::vector<uint32_t>& list : users) {
        std::erase_if(list, [&](uint32_t piece) { return unit.piece(piece).symbol == 0; });
        for (uint32_t& piece : list)
            piece = unit.root_of(piece);
        list.erase(std::ranges::unique(list).begin(), list.end());
    }
    return users;
}

// Is there a way from one piece to another along references? Looks at a bounded number of pieces: inlining does not
// carry a variable far.
bool reaches(const Unit& unit, uint32_t from, uint32_t to) {
    constexpr size_t enough = 256;
    std::vector<uint32_t> seen{from};
    for (size_t at = 0; at < seen.size() && seen.size() < enough; ++at) {
        if (seen[at] == to)
            return true;
        const Piece& piece = unit.piece(seen[at]);
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            Reference reference = unit.reference(piece.section, relocation);
            if (reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::function &&
                std::ranges::find(seen, reference.id) == seen.end())
                seen.push_back(reference.id);
        }
    }
    return std::ranges::find(seen, to) != seen.end();
}

// Two static locals of one name whose users do not correspond are still the same variable if the code around it went
// from one function into another: a user that was inlined, or is no longer, is called in one of the units. A counter
// that one function lost and another one got is not.
bool Correlator::may_share(const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) const {
    if (original.empty() || patched.empty())
        return true;
    for (uint32_t old_user : original)
        for (uint32_t new_user : patched) {
            const uint32_t now = result_.to_patched[old_user];
            const uint32_t then = result_.to_original[new_user];
            if (now == none || now == new_user || reaches(patched_, now, new_user) ||
                (then != none && reaches(original_, then, old_user)))
                return true;
        }
    return false;
}

// Static locals whose users came, went or were inlined elsewhere: the only one left of its name is the one.
void Correlator::pair_leftovers() {
    Candidates candidates = collect(original_, is_static_local, stem_key);
    std::vector<std::pair<uint32_t, uint32_t>> open;
    std::vector<bool> wanted_before(original_.pieces().size(), false);
    std::vector<bool> wanted_after(patched_.pieces().size(), false);
    for (auto& [name, patched] : collect(patched_, is_static_local, stem_key)) {
        auto found = candidates.find(name);
        if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1)
            continue;
        open.emplace_back(found->second[0], patched[0]);
        wanted_before[found->second[0]] = wanted_after[patched[0]] = true;
    }
    if (open.empty())
        return;
    const auto before = users_of(original_, wanted_before);
    const auto after = users_of(patched_, wanted_after);
    for (auto [original, patched] : open)
        if (may_pair(original, patched) && may_share(before[original], after[patched]))
            pair(original, patched);
}

void Correlator::pair_by_use() {
    while (pair_uses_once()) {
    }
    pair_leftovers();
    while (pair_uses_once()) {
    }
}

Correlation Correlator::run() {
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
    pair_groups(is_local_function, exact_key);
    pair_by_use();
    return std::move(result_);
}

} // namespace

Correlation correlate(const Unit& original, const Unit& patched) {
    return Correlator(original, patched).run();
}

} // namespace klp::diff
