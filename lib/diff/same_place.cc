#include "diff/same_place.h"

#include "diff/companions.h"
#include "diff/instructions.h"

#include <algorithm>
#include <map>
#include <set>

namespace klp::diff {

namespace {

using arch::Instruction;
using Pairs = std::set<std::pair<uint32_t, uint32_t>>;

bool contains(const std::vector<uint32_t>& list, uint32_t value) {
    return std::ranges::find(list, value) != list.end();
}

class Places {
public:
    Places(const Unit& original, const Unit& patched, const Correlation& known, const std::vector<uint32_t>& before,
           const std::vector<uint32_t>& after)
        : original_(original), patched_(patched), known_(known), before_(before), after_(after) {}

    void look_at_code(const Piece& a, const Piece& b) {
        const Instructions x = read_instructions(original_, a);
        const Instructions y = read_instructions(patched_, b);
        const size_t common = std::min(x.size(), y.size());
        size_t first = 0;
        Pairs open;
        for (; first < common; ++first) {
            if (!is_same_step(a, x[first], b, y[first], open))
                break;
            // Two statements may have changed places: a use counts once the call that follows it is the same, too. If
            // one came or went, it may be any of those that look alike: what they lead to is elsewhere.
            if (original_.leaves(a, x[first]) || x[first].is_return)
                (before_.size() == after_.size() ? found_ : doubts_).merge(open);
        }
        if (first == x.size() && first == y.size())
            found_.merge(open);
        hints_.merge(open);
        look_from_the_end(a, x, b, y, first);
    }

    // The same from the other end: a use counts once all is the same back to what ends the code before it, and that as
    // well; and if nothing between the two ends decides about what comes behind it: `if (k == 3) { A } if (k == 5) { B
    // }` ends as `if (k == 5) { A } if (k == 3) { B }` does.
    void look_from_the_end(const Piece& a, const Instructions& x, const Piece& b, const Instructions& y, size_t first) {
        const size_t most = std::min(x.size(), y.size()) - first;
        Pairs settled, open;
        size_t same = 0;
        for (; same < most; ++same) {
            const Instruction& step = x[x.size() - 1 - same];
            if (!is_same_step(a, step, b, y[y.size() - 1 - same], open))
                break;
            if (original_.leaves(a, step) || step.is_return || step.ends_flow)
                settled.merge(open);
        }
        const size_t x_end = x.size() - same, y_end = y.size() - same;
        const bool is_insertion = first == x_end && !mentions(patched_, b, y, first, y_end, after_);
        const bool is_removal = first == y_end && !mentions(original_, a, x, first, x_end, before_);
        const bool counts = is_insertion || is_removal ||
                            (!decides(original_, a, x, first, x_end) && !decides(patched_, b, y, first, y_end));
        for (const auto& pair : settled)
            (counts || is_once_flag(pair.first) ? found_ : doubts_).insert(pair);
    }

    void look_at_data(const Piece& a, const Piece& b) {
        auto y = patched_.relocations(b);
        for (const elf::Relocation& relocation : original_.relocations(a)) {
            const uint64_t offset = relocation.offset - a.start + b.start;
            auto at = std::ranges::lower_bound(y, offset, {}, &elf::Relocation::offset);
            Pairs proposed;
            if (at != y.end() && at->offset == offset &&
                is_same_target(original_.reference(a.section, relocation), patched_.reference(b.section, *at),
                               proposed))
                found_.insert(proposed.begin(), proposed.end());
        }
    }

    // Nothing that was seen at a place speaks against it, nor says it already.
    bool is_new(const std::pair<uint32_t, uint32_t>& pair) const {
        const auto is_rival = [&](const auto& it) { return (it.first == pair.first) != (it.second == pair.second); };
        return !found_.contains(pair) && std::ranges::none_of(found_, is_rival) &&
               std::ranges::none_of(doubts_, is_rival) && std::ranges::none_of(hints_, is_rival);
    }

    // Those on which all places agree.
    std::vector<std::pair<uint32_t, uint32_t>> agreed() const {
        std::map<uint32_t, unsigned> of_original, of_patched;
        Pairs all = doubts_;
        all.insert(found_.begin(), found_.end());
        for (auto [a, b] : all) {
            ++of_original[a];
            ++of_patched[b];
        }
        std::vector<std::pair<uint32_t, uint32_t>> result;
        for (auto [a, b] : found_)
            if (of_original[a] == 1 && of_patched[b] == 1)
                result.emplace_back(a, b);
        return result;
    }

private:
    static bool decides(const Unit& unit, const Piece& piece, const Instructions& code, size_t from, size_t to) {
        return std::any_of(code.begin() + static_cast<std::ptrdiff_t>(from),
                           code.begin() + static_cast<std::ptrdiff_t>(to), [&](const Instruction& it) {
                               return it.is_branch || it.is_compare || it.ends_flow || unit.leaves(piece, it);
                           });
    }

    // Of WARN_ONCE() and its like (include/asm-generic/bug.h, `__section(".data.unlikely")` before Linux 5.10): taken
    // for another one it warns once more, or not again.
    bool is_once_flag(uint32_t piece) const {
        return original_.object().section(original_.piece(piece).section).name.starts_with(".data.unlikely");
    }

    // One of those that are to be told apart.
    static bool mentions(const Unit& unit, const Piece& piece, const Instructions& code, size_t from, size_t to,
                         const std::vector<uint32_t>& candidates) {
        if (from >= to)
            return false;
        return std::ranges::any_of(
            unit.relocations(piece.section, code[from].offset, code[to - 1].offset + code[to - 1].size),
            [&](const elf::Relocation& it) {
                const Reference reference = unit.reference(piece.section, it);
                return reference.to == Reference::To::piece && contains(candidates, reference.id);
            });
    }

    // The targets of jumps within the function move with what lies between.
    static bool has_same_operands(const Instruction& p, const Instruction& q) {
        if (!p.is_valid || !q.is_valid || p.opcode != q.opcode || !(p.registers == q.registers) ||
            p.immediates.size() != q.immediates.size())
            return false;
        for (size_t at = 0; at < p.immediates.size(); ++at)
            if (p.immediates[at] != q.immediates[at] && !(p.branch_target && at == p.target_immediate))
                return false;
        return true;
    }

    bool is_same_step(const Piece& a, const Instruction& p, const Piece& b, const Instruction& q, Pairs& open) {
        if (!has_same_operands(p, q))
            return false;
        auto x = original_.relocations(a.section, p.offset, p.offset + p.size);
        auto y = patched_.relocations(b.section, q.offset, q.offset + q.size);
        if (x.size() != y.size())
            return false;
        Pairs proposed;
        for (size_t at = 0; at < x.size(); ++at)
            if (!is_same_target(original_.reference(a.section, x[at]), patched_.reference(b.section, y[at]), proposed))
                return false;
        open.merge(proposed);
        return true;
    }

    bool is_same_target(const Reference& p, const Reference& q, Pairs& proposed) const {
        if (p.to != q.to)
            return false;
        switch (p.to) {
        case Reference::To::nothing:
            return true;
        case Reference::To::symbol:
            return original_.object().symbol(p.id).name == patched_.object().symbol(q.id).name && p.offset == q.offset;
        case Reference::To::literal:
            return std::ranges::equal(original_.literal_of(p).bytes, patched_.literal_of(q).bytes);
        case Reference::To::entry:
            return original_.rank_of_entry(p.id) == patched_.rank_of_entry(q.id) && p.offset == q.offset;
        case Reference::To::piece:
            break;
        }
        if (p.offset != q.offset && original_.piece(p.id).kind != PieceKind::fragment)
            return false;
        if (contains(before_, p.id) && contains(after_, q.id)) {
            proposed.emplace(p.id, q.id);
            return true;
        }
        if (known_.to_patched[p.id] != none || known_.to_original[q.id] != none)
            return known_.to_patched[p.id] == q.id;
        return original_.piece(p.id).kind == patched_.piece(q.id).kind &&
               stem(original_.name(original_.piece(p.id))) == stem(patched_.name(patched_.piece(q.id)));
    }

    const Unit& original_;
    const Unit& patched_;
    const Correlation& known_;
    const std::vector<uint32_t>& before_;
    const std::vector<uint32_t>& after_;
    Pairs found_;
    Pairs doubts_; // may be, which is enough to speak against another
    Pairs hints_;  // the same code went on differently behind the use, which is enough to speak against companions
};

} // namespace

std::vector<std::pair<uint32_t, uint32_t>>
used_at_same_places(const Unit& original, uint32_t original_piece, const Unit& patched, uint32_t patched_piece,
                    const Correlation& known, const std::vector<uint32_t>& before, const std::vector<uint32_t>& after) {
    Places places(original, patched, known, before, after);
    const Piece& a = original.piece(original_piece);
    const Piece& b = patched.piece(patched_piece);
    if (a.kind != PieceKind::function || b.kind != PieceKind::function) {
        places.look_at_data(a, b);
        return places.agreed();
    }
    places.look_at_code(a, b);
    for (uint32_t part : original.parts_of(original_piece))
        if (const uint32_t now = known.to_patched[part]; now != none && patched.piece(now).parent == patched_piece)
            places.look_at_code(original.piece(part), patched.piece(now));
    std::vector<std::pair<uint32_t, uint32_t>> pairs = places.agreed();
    for (const auto& pair : pair_by_companions(original, original_piece, patched, patched_piece, known, before, after))
        if (places.is_new(pair))
            pairs.push_back(pair);
    return pairs;
}

} // namespace klp::diff
