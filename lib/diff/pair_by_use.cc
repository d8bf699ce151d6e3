#include "diff/pair_by_use.h"

#include "arch/kept_forms.h"
#include "arch/variable_scopes.h"
#include "diff/referrers.h"
#include "diff/same_place.h"
#include "diff/storage.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
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

// What one user tells of which is which.
struct Proposal {
    uint32_t user = none; // original
    uint32_t original = none, patched = none;
    auto operator<=>(const Proposal&) const = default;
};

class UsePairing {
public:
    explicit UsePairing(Pairing& pairing)
        : pairing_(pairing), original_(pairing.original()), patched_(pairing.patched()), known_(pairing.known()),
          is_doubtful_before_(original_.pieces().size(), false), is_doubtful_after_(patched_.pieces().size(), false) {}

    void run() {
        pair_by_scope();
        while (pair_uses_once()) {
        }
        pair_leftovers();
        while (pair_uses_once()) {
        }
    }

private:
    using List = std::vector<uint32_t>;
    using Scopes = std::map<std::pair<uint32_t, uint64_t>, std::string>;

    // Reading debug data takes long, and one of a name needs none.
    void pair_by_scope() {
        Pairing::Candidates before = pairing_.collect(original_, is_static_local, stem_key);
        Pairing::Candidates after = pairing_.collect(patched_, is_static_local, stem_key);
        std::erase_if(before, [&](const auto& it) {
            const auto found = after.find(it.first);
            return found == after.end() || (it.second.size() == 1 && found->second.size() == 1);
        });
        if (before.empty())
            return;
        const Scopes scopes_before = arch::variable_scopes(original_.object());
        const Scopes scopes_after = arch::variable_scopes(patched_.object());
        for (const auto& [key, list] : before) {
            const std::map<std::string, List> ours = by_scope(original_, list, scopes_before);
            for (const auto& [scope, theirs] : by_scope(patched_, after[key], scopes_after))
                if (const auto found = ours.find(scope); found != ours.end() && found->second.size() == 1 &&
                                                         theirs.size() == 1 &&
                                                         pairing_.may_pair(found->second[0], theirs[0]))
                    pairing_.pair(found->second[0], theirs[0]);
        }
    }
    static std::map<std::string, List> by_scope(const Unit& unit, const List& list, const Scopes& scopes) {
        std::map<std::string, List> result;
        for (uint32_t index : list)
            if (const auto scope = scopes.find({unit.piece(index).section, unit.piece(index).entry});
                scope != scopes.end())
                result[scope->second].push_back(index);
        return result;
    }

    // "st.1" of Clang is a member of the structure st, which it took apart (its static locals have the name of their
    // function first). It numbers the members that are used, in their order: another number is another member, or the
    // patch uses another one besides.
    bool is_other_member(uint32_t original, uint32_t patched) const {
        const std::string_view before = original_.name(original_.piece(original));
        return is_by_clang_ && is_numbered(before) && stem(before).find('.') == std::string::npos &&
               before != patched_.name(patched_.piece(patched));
    }
    bool is_open(const Unit& unit, uint32_t piece) const {
        return pairing_.is_free(unit, piece) &&
               !(&unit == &original_ ? is_doubtful_before_ : is_doubtful_after_)[piece];
    }

    // All users are heard before anything is decided: the first one may be the one that the patch changes.
    bool pair_uses_once() {
        const std::vector<List> original = uses(original_), patched = uses(patched_);
        std::vector<Proposal> all;
        for (uint32_t index = 0; index < original.size(); ++index)
            if (uint32_t partner = known_.to_patched[index]; partner != none && !original[index].empty())
                for (const auto& [old, now] : propose(index, original[index], patched[partner]))
                    all.push_back({index, old, now});
        bool has_paired = false;
        for (const Proposal& it : agreed(std::move(all)))
            if (is_open(original_, it.original) && is_open(patched_, it.patched)) {
                pairing_.pair(it.original, it.patched);
                has_paired = true;
            }
        return has_paired;
    }

    // Those that no other one contradicts. A user that has one variable of the name on each side says little if its
    // code has changed: it may have got another one. Where users whose code around the variable is the same contradict
    // each other, one of them has changed, and nobody can say which: both variables stay without partner.
    //
    //     before   f: ++id.0   g: ++id.0        after   f: ++id.0   g: ++id.1      one of f and g has a new variable
    std::vector<Proposal> agreed(std::vector<Proposal> all) {
        std::vector<Proposal> sound, disputed;
        split(all, sound, disputed);
        std::vector<Proposal> by_code;
        for (const Proposal& it : disputed)
            if (is_used_at_same_place(it))
                by_code.push_back(it);
        disputed.clear();
        split(by_code, sound, disputed);
        for (const Proposal& it : sound)
            if (is_other_member(it.original, it.patched))
                disputed.push_back(it);
        for (const Proposal& it : disputed)
            is_doubtful_before_[it.original] = is_doubtful_after_[it.patched] = true;
        return sound;
    }
    static void split(const std::vector<Proposal>& all, std::vector<Proposal>& sound, std::vector<Proposal>& disputed) {
        std::map<uint32_t, std::set<uint32_t>> partners, originals;
        for (const Proposal& it : all) {
            partners[it.original].insert(it.patched);
            originals[it.patched].insert(it.original);
        }
        for (const Proposal& it : all)
            (partners[it.original].size() == 1 && originals[it.patched].size() == 1 ? sound : disputed).push_back(it);
    }
    bool is_used_at_same_place(const Proposal& it) const {
        return !used_at_same_places(original_, it.user, patched_, known_.to_patched[it.user], known_, {it.original},
                                    {it.patched})
                    .empty();
    }

    // For each function and variable: the free local variables that it refers to, in the order of the first reference.
    // They are static locals, and variables of one source and name that only a linked object without FILE symbols has.
    std::vector<List> uses(const Unit& unit) const {
        std::vector<List> result(unit.pieces().size());
        for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
            const Piece& piece = unit.piece(index);
            Role role = unit.role(piece.section);
            if (piece.symbol == 0 || role == Role::unknown || role == Role::registry)
                continue;
            List& list = result[unit.root_of(index)];
            for (const elf::Relocation& relocation : unit.relocations(piece)) {
                Reference reference = unit.reference(piece.section, relocation);
                if (reference.to != Reference::To::piece || reference.id == index)
                    continue;
                const Piece& target = unit.piece(reference.id);
                bool is_candidate = target.kind == PieceKind::variable && !is_global(unit, target) && is_kept(target) &&
                                    is_open(unit, reference.id);
                if (is_candidate && std::ranges::find(list, reference.id) == list.end())
                    list.push_back(reference.id);
            }
        }
        return result;
    }

    // Pairs of the variables of equal stem that two corresponding users have: one on each side, or those that the code
    // around them, or their size and initial content, tell apart. Neither their order nor their number says which is
    // which.
    std::vector<std::pair<uint32_t, uint32_t>> propose(uint32_t user, const List& original, const List& patched) const {
        std::map<std::string, std::pair<List, List>> by_stem;
        for (uint32_t index : original)
            by_stem[stem(original_.name(original_.piece(index)))].first.push_back(index);
        for (uint32_t index : patched)
            by_stem[stem(patched_.name(patched_.piece(index)))].second.push_back(index);
        std::vector<std::pair<uint32_t, uint32_t>> found;
        for (auto& [name, lists] : by_stem)
            propose_of_one_name(user, lists.first, lists.second, found);
        return found;
    }
    void propose_of_one_name(uint32_t user, List before, List after,
                             std::vector<std::pair<uint32_t, uint32_t>>& found) const {
        const size_t known = found.size();
        const bool are_equally_many = before.size() == after.size();
        const auto take = [&](uint32_t a, uint32_t b) {
            if (!pairing_.may_pair(a, b))
                return;
            found.emplace_back(a, b);
            std::erase(before, a);
            std::erase(after, b);
        };
        const auto take_last = [&] {
            if (before.size() == 1 && after.size() == 1)
                take(before[0], after[0]);
        };
        if (before.empty() || after.empty())
            return;
        take_last();
        if (before.empty())
            return;
        for (auto [old, now] :
             used_at_same_places(original_, user, patched_, known_.to_patched[user], known_, before, after))
            take(old, now);
        for (auto [old, now] : distinct(before, after))
            take(old, now);
        // The one that is left is the one that is left, if all others are known.
        if (are_equally_many && found.size() > known)
            take_last();
    }

    // Pairs of variables that no other of their side has the size, the kind of storage and the initial content of.
    std::vector<std::pair<uint32_t, uint32_t>> distinct(const List& before, const List& after) const {
        using Look = std::tuple<uint64_t, Storage, std::string_view>;
        const auto by_look = [](const Unit& unit, const List& list) {
            std::map<Look, List> found;
            for (uint32_t index : list) {
                const Piece& piece = unit.piece(index);
                const elf::Bytes bytes = unit.bytes(piece);
                found[{piece.end - piece.start, storage_of(unit, piece),
                       std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())}]
                    .push_back(index);
            }
            return found;
        };
        const std::map<Look, List> theirs = by_look(patched_, after);
        std::vector<std::pair<uint32_t, uint32_t>> pairs;
        for (const auto& [look, ours] : by_look(original_, before))
            if (const auto found = theirs.find(look);
                found != theirs.end() && ours.size() == 1 && found->second.size() == 1)
                pairs.emplace_back(ours[0], found->second[0]);
        return pairs;
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
            if (found == candidates.end() || found->second.size() != 1 || patched.size() != 1 ||
                !is_open(original_, found->second[0]) || !is_open(patched_, patched[0]))
                continue;
            open.emplace_back(found->second[0], patched[0]);
            wanted_before[found->second[0]] = wanted_after[patched[0]] = true;
        }
        if (open.empty())
            return;
        const auto before = users_of(original_, wanted_before);
        const auto after = users_of(patched_, wanted_after);
        for (auto [original, patched] : open)
            if (pairing_.may_pair(original, patched) && !is_other_member(original, patched) &&
                may_share(before[original], after[patched]))
                pairing_.pair(original, patched);
    }

    Pairing& pairing_;
    const Unit& original_;
    const Unit& patched_;
    const Correlation& known_;
    const bool is_by_clang_ = arch::is_made_by_clang(original_.object());
    std::vector<bool> is_doubtful_before_, is_doubtful_after_; // users contradict each other about them
};

} // namespace

void pair_by_use(Pairing& pairing) {
    UsePairing(pairing).run();
}

} // namespace klp::diff
