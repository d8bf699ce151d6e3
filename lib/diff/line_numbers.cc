#include "diff/line_numbers.h"

#include <algorithm>
#include <array>

namespace klp::diff {

namespace {

// How far from the call its arguments are looked for, in instructions.
constexpr size_t reach = 64;
constexpr uint64_t highest_line = 1U << 20;

bool is_file_name(std::string_view text) {
    constexpr std::array endings{std::string_view(".c"), std::string_view(".h"), std::string_view(".S"),
                                 std::string_view(".inc")};
    return text.find('%') == std::string_view::npos &&
           std::ranges::any_of(endings, [&](std::string_view ending) { return text.ends_with(ending); });
}

bool names_source(const Unit& unit, const Reference& reference) {
    if (reference.to == Reference::To::literal && reference.offset >= 0)
        return is_file_name(
            elf::Object::string_at(unit.object().section(reference.id), static_cast<uint64_t>(reference.offset)));
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

// Functions that take a line without a source's name before it: the name and the argument's number (from 0). The
// kernels that have it disagree about the place of the line in __ext4_journal_start_sb() (fs/ext4/ext4_jbd2.h).
bool takes_line(const Unit& unit, const Piece& piece, const arch::Instruction& call, unsigned argument) {
    constexpr std::array known{std::pair{std::string_view("__ext4_journal_start_sb"), 1U},
                               std::pair{std::string_view("__ext4_journal_start_sb"), 2U},
                               std::pair{std::string_view("__ext4_journal_start_reserved"), 1U}};
    for (const elf::Relocation& relocation : unit.relocations(piece.section, call.offset, call.offset + call.size))
        for (auto [name, number] : known)
            if (number == argument && unit.object().symbol(relocation.symbol).name == name)
                return true;
    return false;
}

// The instruction at `at` loads a constant that a following call takes as the argument after a source's name.
bool is_line_argument(const Unit& unit, const Piece& piece, const std::vector<arch::Instruction>& code, size_t at) {
    auto constant = unit.machine().loaded_constant(code[at]);
    auto number = unit.machine().argument_number(code[at].first_register);
    if (!constant || *constant == 0 || *constant > highest_line || !number || *number == 0)
        return false;
    size_t call = at;
    while (call < code.size() && call < at + reach && !code[call].is_call)
        ++call;
    if (call >= code.size() || call >= at + reach)
        return false;
    if (takes_line(unit, piece, code[call], *number))
        return true;
    size_t first = call >= reach ? call - reach : 0;
    for (size_t index = call; index-- > first;) {
        if (code[index].is_call) // arguments do not survive it
            return false;
        if (unit.machine().argument_number(code[index].first_register) != *number - 1)
            continue;
        for (const elf::Relocation& relocation :
             unit.relocations(piece.section, code[index].offset, code[index].offset + code[index].size))
            if (names_source(unit, unit.reference(piece.section, relocation)))
                return true;
    }
    return false;
}

} // namespace

bool differ_in_line_numbers_only(const Unit& original, uint32_t before, const Unit& patched, uint32_t after,
                                 MeaningHasher& original_hasher, MeaningHasher& patched_hasher) {
    const Piece& a = original.piece(before);
    const Piece& b = patched.piece(after);
    elf::Bytes x = original.bytes(a);
    elf::Bytes y = patched.bytes(b);
    if (x.size() != y.size() || x.empty() || a.entry - a.start != b.entry - b.start)
        return false;
    if (!have_same_references(original, a, before, patched, b, after, original_hasher, patched_hasher))
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
        bool is_line = p.opcode == q.opcode && p.registers == q.registers && is_line_argument(original, a, left, at) &&
                       is_line_argument(patched, b, right, at);
        if (!is_line)
            return false;
    }
    return true;
}

} // namespace klp::diff
