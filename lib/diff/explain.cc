#include "diff/explain.h"

#include "diff/instruction_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::diff {

Explainer::Explainer(const Pair& pair, const Changes& changes)
    : pair_(pair), changes_(changes), original_(pair.original, pair_names_of_original(pair.correlation), 0),
      patched_(pair.patched, pair_names_of_patched(pair.correlation), 1), original_lines_(pair.original.object()),
      patched_lines_(pair.patched.object()) {}

void Explainer::disassemble(Side& side, uint32_t piece) {
    side.piece = piece;
    auto code = side.unit.code_of(side.unit.piece(piece));
    side.code = code ? side.unit.machine().disassemble(*code, true) : std::vector<arch::Instruction>();
}

Explanation Explainer::explain(uint32_t piece) {
    uint32_t partner = pair_.before(piece);
    if (original_.hasher.content(partner) != patched_.hasher.content(piece)) {
        Explanation result = explain_code(partner, piece);
        if (!result.cause.empty())
            return result;
    }
    // Its own instructions are the same: an unlikely part of it, or a table that speaks of it, is not.
    for (uint32_t part : pair_.patched.parts_of(piece)) {
        uint32_t old_part = pair_.before(part);
        if (old_part == none)
            return {"a part of it moved into or out of line", "", "", ""};
        if (original_.hasher.content(old_part) != patched_.hasher.content(part)) {
            Explanation result = explain_code(old_part, part);
            if (!result.cause.empty())
                return result;
        }
    }
    if (original_.hasher.special(partner) != patched_.hasher.special(piece))
        return {"only tables about it (exceptions, alternatives, bug flags, jump labels)", "", "", ""};
    return {outer_cause(piece), "", "", ""};
}

// Neither the code nor a table differs: it is replaced for the sake of what it refers to, or the author says so.
std::string Explainer::outer_cause(uint32_t piece) const {
    const Unit& unit = patched_.unit;
    std::vector<uint32_t> all = unit.parts_of(piece);
    all.insert(all.begin(), piece);
    for (uint32_t part : all)
        for (const elf::Relocation& relocation : unit.relocations(unit.piece(part))) {
            Reference reference = unit.reference(unit.piece(part).section, relocation);
            if (reference.to != Reference::To::piece)
                continue;
            if (changes_.data[reference.id])
                return "only data it points to";
            if (changes_.through_callers[reference.id] && reference.id != piece)
                return fmt::format("callee {}, which ftrace cannot hook", unit.title(reference.id));
        }
    return "forced";
}

// To another function, or to a part of this one.
bool Explainer::is_jump(const Side& side, const elf::Relocation& relocation) {
    const elf::Section& section = side.unit.object().section(side.unit.piece(side.piece).section);
    return side.unit.machine().is_branch(section.data, relocation);
}

// The first function or variable of this unit that the instruction at `at` refers to, or `none`.
uint32_t Explainer::local_target(const Side& side, size_t at) {
    if (at >= side.code.size())
        return none;
    const Piece& piece = side.unit.piece(side.piece);
    const arch::Instruction& instruction = side.code[at];
    for (const elf::Relocation& relocation :
         side.unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
        if (Reference reference = side.unit.reference(piece.section, relocation); reference.to == Reference::To::piece)
            return reference.id;
    return none;
}

bool Explainer::enters_own_part(const Side& side, size_t at) {
    const uint32_t target = local_target(side, at);
    return target != none && side.unit.piece(target).parent == side.piece;
}

bool Explainer::is_nameless(const Side& side, const Reference& reference) {
    if (reference.to != Reference::To::piece)
        return false;
    const Piece& piece = side.unit.piece(reference.id);
    return piece.kind == PieceKind::fragment && side.unit.object().section(piece.section).is_code();
}

Explainer::Kind Explainer::reference_difference(const arch::Instruction& a, const arch::Instruction& b) {
    const Piece& p = original_.unit.piece(original_.piece);
    const Piece& q = patched_.unit.piece(patched_.piece);
    auto x = original_.unit.relocations(p.section, a.offset, a.offset + a.size);
    auto y = patched_.unit.relocations(q.section, b.offset, b.offset + b.size);
    if (x.size() != y.size())
        return Kind::other;
    for (size_t at = 0; at < x.size(); ++at) {
        Reference before = original_.unit.reference(p.section, x[at]);
        Reference after = patched_.unit.reference(q.section, y[at]);
        if (before.to == Reference::To::nothing && after.to == Reference::To::nothing)
            continue;
        if (original_.hasher.target(before, original_.piece) == patched_.hasher.target(after, patched_.piece))
            continue;
        // Code without a name, as that of an alternative, is the function's own: it differs as it leads back elsewhere.
        if (is_nameless(original_, before) && is_nameless(patched_, after))
            return Kind::jump;
        if (a.is_call || b.is_call || is_jump(original_, x[at]) || is_jump(patched_, y[at]))
            return Kind::callee;
        if (before.to == Reference::To::literal && after.to == Reference::To::literal)
            return original_.unit.role(before.id) == Role::strings ? Kind::string : Kind::constant;
        return Kind::data;
    }
    return Kind::same;
}

Explainer::Kind Explainer::difference(const arch::Instruction& a, const arch::Instruction& b) {
    if (a.opcode != b.opcode && !(a.is_branch && b.is_branch))
        return Kind::other;
    if (Kind kind = reference_difference(a, b); kind != Kind::same)
        return kind;
    if (a.text == b.text)
        return Kind::same;
    if (a.is_branch || b.is_branch)
        return Kind::jump;
    if (a.registers == b.registers && a.immediates != b.immediates)
        return Kind::constant;
    return Kind::other;
}

std::string Explainer::show(const Side& side, size_t at) {
    if (at >= side.code.size())
        return "(end)";
    const arch::Instruction& instruction = side.code[at];
    const Piece& piece = side.unit.piece(side.piece);
    return fmt::format("+{:#x}: {}", instruction.offset - piece.entry, instruction_text(side.unit, piece, instruction));
}

// What the instruction at `at` calls or jumps to.
Reference Explainer::callee(const Side& side, size_t at) {
    const Piece& piece = side.unit.piece(side.piece);
    const arch::Instruction& instruction = side.code[at];
    for (const elf::Relocation& relocation :
         side.unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
        return side.unit.reference(piece.section, relocation);
    return {};
}

std::string Explainer::callee_cause(size_t at) const {
    const Reference old_callee = callee(original_, at), new_callee = callee(patched_, at);
    auto name_of = [](const Side& side, const Reference& reference) {
        const std::string name = reference_text(side.unit, reference);
        return name.empty() ? "another function" : name;
    };
    const std::string before = name_of(original_, old_callee), after = name_of(patched_, new_callee);
    if (before == after) {
        const bool was_own = old_callee.to == Reference::To::piece, is_own = new_callee.to == Reference::To::piece;
        const char* now = was_own == is_own ? "another function of that name"
                          : is_own          ? "this unit's"
                                            : "another unit's";
        return fmt::format("callee {} is {} now", after, now);
    }
    auto base = [](const std::string& name) { return name.substr(0, name.find('.')); };
    if (base(before) == base(after))
        return fmt::format("callee {} was cloned differently ({} is now {})", base(before), before, after);
    return fmt::format("calls {} instead of {}", after, before);
}

std::string Explainer::cause_of(Kind first, bool is_uniform, size_t at) {
    if (is_uniform && first == Kind::constant)
        return "only a constant";
    if (is_uniform && first == Kind::string)
        return "only a string";
    if (is_uniform && first == Kind::data)
        return "only data it points to";
    if (enters_own_part(patched_, at) != enters_own_part(original_, at))
        return "a part of it moved into or out of line";
    if (first == Kind::callee && at < original_.code.size() && at < patched_.code.size())
        return callee_cause(at);
    const Piece& piece = patched_.unit.piece(patched_.piece);
    uint64_t offset = at < patched_.code.size() ? patched_.code[at].offset : piece.entry;
    std::vector<arch::Frame> frames = patched_lines_.frames(piece.section, offset);
    if (frames.size() > 1)
        return fmt::format("inlined callee {}", frames.front().function);
    // A call on one side only, to a function of this unit that was there before: it is inlined no more, or now is.
    auto local_callee = [&](const Side& side) {
        const bool is_call = at < side.code.size() && side.code[at].is_call;
        const uint32_t target = is_call ? local_target(side, at) : none;
        return target == none ? std::string() : side.unit.title(target);
    };
    if (std::string name = local_callee(patched_); !name.empty())
        return fmt::format("callee {} is no longer inlined, or called anew", name);
    if (std::string name = local_callee(original_); !name.empty())
        return fmt::format("callee {} is now inlined, or no longer called", name);
    return "own code";
}

Explanation Explainer::explain_code(uint32_t before, uint32_t after) {
    disassemble(original_, before);
    disassemble(patched_, after);
    const size_t common = std::min(original_.code.size(), patched_.code.size());
    size_t first = common;
    Kind kind = Kind::other;
    bool is_uniform = original_.code.size() == patched_.code.size();
    // Jumps move with what lies between: they are a difference of their own only where there is no other.
    size_t first_jump = common;
    for (size_t at = 0; at < common; ++at) {
        Kind here = difference(original_.code[at], patched_.code[at]);
        if (here == Kind::jump && first_jump == common)
            first_jump = at;
        if (here == Kind::jump)
            is_uniform = false;
        if (here == Kind::same || here == Kind::jump)
            continue;
        if (first == common) {
            first = at;
            kind = here;
        } else if (here != kind) {
            is_uniform = false;
        }
        if (!is_uniform)
            break;
    }
    if (first == common && is_uniform)
        return {};
    if (first == common && first_jump < common)
        first = first_jump;
    Explanation result;
    result.cause = cause_of(kind, is_uniform, first);
    result.original_instruction = show(original_, first);
    result.patched_instruction = show(patched_, first);
    const Piece& piece = patched_.unit.piece(after);
    uint64_t offset = first < patched_.code.size() ? patched_.code[first].offset : piece.entry;
    std::vector<arch::Frame> frames = patched_lines_.frames(piece.section, offset);
    if (!frames.empty())
        result.place = fmt::format("{}:{}", frames.front().file, frames.front().line);
    return result;
}

} // namespace klp::diff
