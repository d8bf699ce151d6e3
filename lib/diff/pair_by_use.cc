#include "diff/pair_by_use.h"

#include "diff/referrers.h"
#include "diff/same_place.h"
#include "diff/storage.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace klp::diff {

namespace {

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

class UsePairing {
public:
    explicit UsePairing(Pairing& pairing)
        : pairing_(pairing), original_(pairing.original()), patched_(pairing.patched()), known_(pairing.known()) {}

    void run() {
        while (pair_uses_once()) {
        }
        pair_leftovers();
        while (pair_uses_once()) {
        }
    }

private:
    bool pair_uses_once() {
        std::vector<std::vector<uint32_t>> original = uses(original_);
        std::vector<std::vector<uint32_t>> patched = uses(patched_);
        bool has_paired = false;
        for (uint32_t index = 0; index < original.size(); ++index)
            if (uint32_t partner = known_.to_patched[index]; partner != none && !original[index].empty())
                has_paired = pair_used(index, original[index], patched[partner]) || has_paired;
        return has_paired;
    }

    // For each function and variable: the free local variables that it refers to, in the order of the first reference.
    // They are static locals, and variables of one source and name that only a linked object without FILE symbols has.
    std::vector<std::vector<uint32_t>> uses(const Unit& unit) const {
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
                                    pairing_.is_free(unit, reference.id);
                if (is_candidate && std::ranges::find(list, reference.id) == list.end())
                    list.push_back(reference.id);
            }
        }
        return result;
    }

    // Pairs the variables of equal stem that two corresponding users have: one on each side, or those that the code
    // around them, or their size and initial content, tell apart. Neither their order nor their number says which is
    // which.
    bool pair_used(uint32_t user, const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) {
        bool has_paired = false;
        auto open_of = [&](const Unit& unit, const std::vector<uint32_t>& list, const std::string& wanted) {
            std::vector<uint32_t> found;
            for (uint32_t index : list)
                if (pairing_.is_free(unit, index) && stem(unit.name(unit.piece(index))) == wanted)
                    found.push_back(index);
            return found;
        };
        std::unordered_set<std::string> done;
        for (uint32_t candidate : original) {
            const std::string wanted = stem(original_.name(original_.piece(candidate)));
            if (!pairing_.is_free(original_, candidate) || !done.insert(wanted).second)
                continue;
            auto open = [&] {
                return std::pair(open_of(original_, original, wanted), open_of(patched_, patched, wanted));
            };
            auto pair_last = [&] {
                const auto [a, b] = open();
                const bool is_last = a.size() == 1 && b.size() == 1 && pairing_.may_pair(a[0], b[0]);
                if (is_last)
                    pairing_.pair(a[0], b[0]);
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
            for (auto [old, now] :
                 used_at_same_places(original_, user, patched_, known_.to_patched[user], known_, a, b))
                if (pairing_.may_pair(old, now)) {
                    pairing_.pair(old, now);
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
    bool pair_distinct(const std::pair<std::vector<uint32_t>, std::vector<uint32_t>>& open) {
        auto is_alike = [](const Unit& one, uint32_t a, const Unit& other, uint32_t b) {
            const Piece& p = one.piece(a);
            const Piece& q = other.piece(b);
            return p.end - p.start == q.end - q.start && storage_of(one, p) == storage_of(other, q) &&
                   std::ranges::equal(one.bytes(p), other.bytes(q));
        };
        bool has_paired = false;
        for (uint32_t a : open.first)
            for (uint32_t b : open.second) {
                if (!pairing_.is_free(original_, a) || !pairing_.is_free(patched_, b) ||
                    !is_alike(original_, a, patched_, b))
                    continue;
                const bool is_unique =
                    std::ranges::count_if(open.first,
                                          [&](uint32_t it) { return is_alike(original_, it, patched_, b); }) == 1 &&
                    std::ranges::count_if(open.second,
                                          [&](uint32_t it) { return is_alike(original_, a, patched_, it); }) == 1;
                if (is_unique && pairing_.may_pair(a, b)) {
                    pairing_.pair(a, b);
                    has_paired = true;
                }
            }
        return has_paired;
    }

    // Two static locals of one name whose users do not correspond are still the same variable if the code around it
    // went from one function into another: a user that was inlined, or is no longer, is called in one of the units. A
    // counter that one function lost and another one got is not.
    bool may_share(const std::vector<uint32_t>& original, const std::vector<uint32_t>& patched) const {
        if (original.empty() || patched.empty())
            return true;
        for (uint32_t old_user : original)
            for (uint32_t new_user : patched) {
                const uint32_t now = known_.to_patched[old_user];
                const uint32_t then = known_.to_original[new_user];
                if (now == none || now == new_user || reaches(patched_, now, new_user) ||
                    (then != none && reaches(original_, then, old_user)))
                    return true;
            }
        return false;
    }

    // Static locals whose users came, went or were inlined elsewhere: the only one left of its name is the one.
    void pair_leftovers() {
        Pairing::Candidates candidates = pairing_.collect(original_, is_static_local, stem_key);
        std::vector<std::pair<uint32_t, uint32_t>> open;
        std::vector<bool> wanted_before(original_.pieces().size(), false);
        std::vector<bool> wanted_after(patched_.pieces().size(), false);
        for (auto& [name, patched] : pairing_.collect(patched_, is_static_local, stem_key)) {
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
            if (pairing_.may_pair(original, patched) && may_share(before[original], after[patched]))
                pairing_.pair(original, patched);
    }

    Pairing& pairing_;
    const Unit& original_;
    const Unit& patched_;
    const Correlation& known_;
};

} // namespace

void pair_by_use(Pairing& pairing) {
    UsePairing(pairing).run();
}

} // namespace klp::diff
