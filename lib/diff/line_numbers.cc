#include "diff/line_numbers.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::diff {

namespace {

// How far from the call its arguments are looked for, in instructions.
constexpr size_t reach = 64;
constexpr uint64_t highest_line = 1U << 20;

// A file's name, or __func__: a variable of GCC's, the text itself of Clang's.
bool names_source(const Unit& unit, const Piece& piece, const Reference& reference) {
    const std::string_view text = unit.text_at(reference);
    const std::string_view function = unit.name(piece);
    if (!text.empty() && (is_source_name(text) || text == function.substr(0, function.find('.'))))
        return true;
    if (reference.to != Reference::To::piece)
        return false;
    std::string name = stem(unit.name(unit.piece(reference.id)));
    return name == "__func__" || name.ends_with(".__func__") || name == "__FUNCTION__" || name == "__PRETTY_FUNCTION__";
}

bool have_same_references(const Unit& original, const Piece& a, uint32_t before, const Unit& patched, const Piece& b,
                          uint32_t after, MeaningHasher& original_hasher, MeaningHasher& patched_hasher) {
    auto x = original.relocations(a);
    auto y = patched.relocations(b);
    return std::ranges::equal(x, y, [&](const elf::Relocation& p, const elf::Relocation& q) {
        return p.offset - a.start == q.offset - b.start &&
               original.machine().canonical(p.type) == patched.machine().canonical(q.type) &&
               original_hasher.target(original.reference(a.section, p), before) ==
                   patched_hasher.target(patched.reference(b.section, q), after);
    });
}

// Functions that take a line as one of their arguments: the name and the argument's number (from 0). Needed where the
// source's name is not put beside it: it comes from far, or there is none. The kernels that have it disagree about the
// place of the line in __ext4_journal_start_sb() (fs/ext4/ext4_jbd2.h).
bool takes_line(const Unit& unit, const Piece& piece, const arch::Instruction& call, unsigned argument) {
    using Known = std::pair<std::string_view, unsigned>;
    constexpr std::array known{Known("__might_sleep", 1),
                               Known("___might_sleep", 1),
                               Known("__might_resched", 1),
                               Known("__might_fault", 1),
                               Known("__cant_sleep", 1),
                               Known("__cant_migrate", 1),
                               Known("lockdep_rcu_suspicious", 1),
                               Known("warn_slowpath_fmt", 1),
                               Known("warn_slowpath_null", 1),
                               Known("__ext4_journal_start_sb", 1),
                               Known("__ext4_journal_start_sb", 2),
                               Known("__ext4_journal_start_reserved", 1)};
    for (const elf::Relocation& relocation : unit.relocations(piece.section, call.offset, call.offset + call.size))
        for (auto [name, number] : known)
            if (number == argument && unit.object().symbol(relocation.symbol).name == name)
                return true;
    return false;
}

using Code = std::vector<arch::Instruction>;

// A call, or a jump to another function.
bool leaves(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    if (instruction.is_call || !instruction.is_branch)
        return instruction.is_call;
    for (const elf::Relocation& relocation :
         unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size)) {
        Reference reference = unit.reference(piece.section, relocation);
        bool is_own = reference.to == Reference::To::piece && unit.piece(reference.id).section == piece.section;
        if (!is_own && reference.to != Reference::To::nothing)
            return true;
    }
    return false;
}

// The call that follows `at`, or the end of `code`.
size_t next_call(const Unit& unit, const Piece& piece, const Code& code, size_t at) {
    size_t end = std::min(code.size(), at + reach);
    while (at < end && !leaves(unit, piece, code[at]))
        ++at;
    return at < end ? at : code.size();
}

// The number of the argument that the instruction at `at` gives to the call at `call`.
std::optional<unsigned> argument_given(const Unit& unit, const Code& code, size_t at, size_t call) {
    const arch::Machine& machine = unit.machine();
    if (!machine.pushes_argument(code[at]))
        return machine.argument_number(code[at].first_register);
    unsigned number = machine.stack_arguments_from();
    for (size_t later = at + 1; later < call; ++later)
        number += machine.pushes_argument(code[later]) ? 1 : 0;
    return number;
}

bool loads_source_name(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    for (const elf::Relocation& relocation :
         unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
        if (names_source(unit, piece, unit.reference(piece.section, relocation)))
            return true;
    return false;
}

// A return that goes through a thunk for the sake of the processor's branch prediction (arch/x86/lib/retpoline.S,
// arch/s390/lib/expoline.S).
bool returns_through_thunk(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    constexpr std::array thunks{std::string_view("__x86_return_thunk"), std::string_view("__s390_indirect_jump_r14")};
    for (const elf::Relocation& relocation :
         unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
        if (std::ranges::find(thunks, unit.object().symbol(relocation.symbol).name) != thunks.end())
            return !instruction.is_call;
    return false;
}

// Follows the flow from behind `at`, which loads argument `number`: true if it gets to calls that take a line there,
// and nothing else looks at the argument.
bool only_line_takers_see(const Unit& unit, const Piece& piece, const Code& code, size_t at, unsigned number) {
    const arch::Machine& machine = unit.machine();
    std::vector<size_t> open{at + 1};
    std::vector<bool> seen(code.size(), false);
    bool is_taken = false;
    auto go = [&](size_t next) {
        if (next < code.size() && !seen[next])
            open.push_back(next);
    };
    while (!open.empty()) {
        const size_t here = open.back();
        open.pop_back();
        if (here >= code.size() || seen[here])
            continue;
        seen[here] = true;
        const arch::Instruction& instruction = code[here];
        if (returns_through_thunk(unit, piece, instruction))
            continue;
        if (leaves(unit, piece, instruction)) {
            if (!takes_line(unit, piece, instruction, number))
                return false;
            is_taken = true;
            continue;
        }
        const bool is_mentioned = machine.argument_number(instruction.first_register) == number ||
                                  machine.argument_number(instruction.second_register) == number;
        if (is_mentioned && !machine.loaded_constant(instruction))
            return false;
        if (is_mentioned)
            continue; // another value from here on
        if (instruction.is_branch) {
            auto target = std::ranges::lower_bound(code, instruction.branch_target.value_or(UINT64_MAX), {},
                                                   &arch::Instruction::offset);
            if (target == code.end() || target->offset != *instruction.branch_target)
                return false;
            go(static_cast<size_t>(target - code.begin()));
        }
        if (!instruction.ends_flow)
            go(here + 1);
    }
    return is_taken;
}

// The instruction at `at` loads a constant that a following call takes as the argument after a source's name.
bool is_line_argument(const Unit& unit, const Piece& piece, const Code& code, size_t at) {
    auto constant = unit.machine().loaded_constant(code[at]);
    if (!constant || *constant == 0 || *constant > highest_line)
        return false;
    if (auto own = unit.machine().argument_number(code[at].first_register);
        own && only_line_takers_see(unit, piece, code, at, *own))
        return true;
    const size_t call = next_call(unit, piece, code, at + 1);
    if (call == code.size())
        return false;
    auto number = argument_given(unit, code, at, call);
    if (!number || *number == 0)
        return false;
    if (takes_line(unit, piece, code[call], *number))
        return true;
    const size_t first = call >= reach ? call - reach : 0;
    std::string_view copied_from; // the register that the argument before was copied from
    for (size_t index = call; index-- > first;) {
        const arch::Instruction& instruction = code[index];
        if (leaves(unit, piece, instruction)) // arguments do not survive it
            return false;
        bool is_before = argument_given(unit, code, index, call) == *number - 1;
        bool is_source_of_copy = !copied_from.empty() && instruction.first_register == copied_from;
        if (!is_before && !is_source_of_copy)
            continue;
        if (loads_source_name(unit, piece, instruction))
            return true;
        if (is_before && instruction.registers.size() == 2 && instruction.immediates.empty())
            copied_from = instruction.second_register;
    }
    return false;
}

// If the instruction at `at` loads, as an argument of the following call, the very line that it or the call comes from
// (__LINE__ beside the name of a function that was inlined, or beside nothing): how far behind the first line of the
// statement that is. Of a statement of several lines compilers take the last one for __LINE__, debug data the first.
std::optional<uint64_t> own_line_distance(LineSide& side, const Piece& piece, const Code& code, size_t at) {
    constexpr uint64_t longest_statement = 8;
    auto constant = side.unit.machine().loaded_constant(code[at]);
    const size_t call = next_call(side.unit, piece, code, at + 1);
    if (!constant || *constant == 0 || *constant > highest_line || call == code.size() ||
        !argument_given(side.unit, code, at, call))
        return std::nullopt;
    for (const arch::Instruction* instruction : {&code[at], &code[call]})
        for (const arch::Frame& frame : side.lines.frames(piece.section, instruction->offset))
            if (frame.line != 0 && *constant >= frame.line && *constant - frame.line < longest_statement)
                return *constant - frame.line;
    return std::nullopt;
}

} // namespace

bool differ_in_line_numbers_only(LineSide& original_side, uint32_t before, LineSide& patched_side, uint32_t after) {
    const Unit& original = original_side.unit;
    const Unit& patched = patched_side.unit;
    const Piece& a = original.piece(before);
    const Piece& b = patched.piece(after);
    elf::Bytes x = original.bytes(a);
    elf::Bytes y = patched.bytes(b);
    if (x.size() != y.size() || x.empty() || a.entry - a.start != b.entry - b.start)
        return false;
    if (!have_same_references(original, a, before, patched, b, after, original_side.hasher, patched_side.hasher))
        return false;
    auto left = original.machine().disassemble(*original.code_of(a), false);
    auto right = patched.machine().disassemble(*patched.code_of(b), false);
    if (left.size() != right.size())
        return false;
    if (!std::equal(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(a.entry - a.start), y.begin()))
        return false;
    for (size_t at = 0; at < left.size(); ++at) {
        const arch::Instruction& p = left[at];
        const arch::Instruction& q = right[at];
        if (p.size != q.size || p.offset - a.start != q.offset - b.start)
            return false;
        auto is_resolved = [&](const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
            for (const elf::Relocation& relocation :
                 unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size))
                if (unit.resolved_width(piece.section, relocation.offset) != 0)
                    return true;
            return false;
        };
        if (std::ranges::equal(x.subspan(p.offset - a.start, p.size), y.subspan(q.offset - b.start, q.size)))
            continue;
        if (is_resolved(original, a, p) && is_resolved(patched, b, q) && p.opcode == q.opcode)
            continue; // a call within the section: its target was compared as a reference
        if (p.opcode != q.opcode || p.registers != q.registers)
            return false;
        if (is_line_argument(original, a, left, at) && is_line_argument(patched, b, right, at))
            continue;
        std::optional<uint64_t> distance = own_line_distance(original_side, a, left, at);
        if (!distance || distance != own_line_distance(patched_side, b, right, at))
            return false;
    }
    return true;
}

} // namespace klp::diff
