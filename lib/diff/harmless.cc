#include "diff/harmless.h"

#include "diff/line_arguments.h"

#include <algorithm>
#include <map>
#include <vector>

namespace klp::diff {

namespace {

using Reasons = std::set<std::string>;

// struct source_location (lib/ubsan.h): a pointer to the file's name, then line and column.
constexpr uint64_t location_from = 8;
constexpr uint64_t location_to = 16;

// GCC's data for UBSAN has names, or sections of its own; Clang's has none: it begins with a pointer to the name of a
// source, as an author's own data may as well, and is given to a function of UBSAN (is_given_to_sanitizer()).
bool has_source_location(const Unit& unit, const Piece& piece) {
    if (unit.object().section(piece.section).name.find("Lubsan_data") != std::string_view::npos ||
        unit.name(piece).starts_with(".Lubsan_data"))
        return true;
    if (piece.kind != PieceKind::fragment || unit.role(piece.section) != Role::data)
        return false;
    std::span<const elf::Relocation> relocations = unit.relocations(piece);
    if (relocations.empty() || relocations.front().offset != piece.start ||
        unit.machine().relocation(relocations.front().type).width != 8)
        return false;
    return is_source_name(unit.text_at(unit.reference(piece.section, relocations.front())));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Takes a number and the space behind it from `text`.
std::optional<uint64_t> take_number(std::string_view& text) {
    uint64_t value = 0;
    size_t at = 0;
    while (at < text.size() && at < 9 && is_digit(text[at]))
        value = value * 10 + static_cast<uint64_t>(text[at++] - '0');
    if (at == 0 || at >= text.size() || text[at] != ' ')
        return std::nullopt;
    text.remove_prefix(at + 1);
    return value;
}

// KASAN's description of a stack frame: how many variables, then of each "OFFSET SIZE LENGTH NAME:LINE". Returns it
// without the lines and the compiler's counters, or nothing for any other text.
std::optional<std::string> frame_without_lines(std::string_view text) {
    if (text.empty() || !is_digit(text.front()))
        return std::nullopt;
    std::string result;
    const std::string all = std::string(text) + ' '; // every item has a space behind it
    std::string_view rest = all;
    std::optional<uint64_t> count = take_number(rest);
    if (!count || *count == 0)
        return std::nullopt;
    for (uint64_t variable = 0; variable < *count; ++variable) {
        std::optional<uint64_t> offset = take_number(rest);
        std::optional<uint64_t> size = offset ? take_number(rest) : std::nullopt;
        std::optional<uint64_t> length = size ? take_number(rest) : std::nullopt;
        if (!length || *length >= rest.size() || rest[*length] != ' ')
            return std::nullopt;
        std::string_view name = rest.substr(0, *length);
        rest.remove_prefix(*length + 1);
        if (size_t colon = name.rfind(':');
            colon != std::string_view::npos && std::ranges::all_of(name.substr(colon + 1), is_digit))
            name = name.substr(0, colon);
        // What the compiler made has a number behind a dot (ISRA.82), counted over the whole unit.
        if (size_t dot = name.rfind('.');
            dot != std::string_view::npos && std::ranges::all_of(name.substr(dot + 1), is_digit))
            name = name.substr(0, dot);
        result += std::to_string(*offset) + ' ' + std::to_string(*size) + ' ';
        result.append(name).append(1, ' ');
    }
    return rest.empty() ? std::optional(result) : std::nullopt;
}

// struct type_descriptor (lib/ubsan.h): kind and information of a type, then its name. Clang tells a type without one
// by its place: "'struct (unnamed at /tree/u.c:668:2)[6]'". Returns all but the place, or nothing for anything else.
std::optional<std::string> type_without_place(const Unit& unit, const Reference& reference) {
    constexpr size_t name_at = 4;
    constexpr std::string_view opening = "(unnamed ";
    if (reference.to != Reference::To::piece || reference.offset != 0)
        return std::nullopt;
    const elf::Bytes bytes = unit.bytes(unit.piece(reference.id));
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    text.erase(text.find_last_not_of('\0') + 1); // what fills up to the next one
    size_t at = text.find(opening, std::min(text.size(), name_at));
    if (at == std::string::npos)
        return std::nullopt;
    for (; at != std::string::npos; at = text.find(opening, at + opening.size())) {
        const size_t place = at + opening.size();
        text.erase(place, text.find(')', place) - place);
    }
    return text;
}

class Judge {
public:
    Judge(LineSide& original, uint32_t before, LineSide& patched, uint32_t after)
        : original_(original), patched_(patched), before_(before), after_(after), a_(original.unit.piece(before)),
          b_(patched.unit.piece(after)) {}

    std::optional<Reasons> run() {
        const bool is_alike = have_same_shape() && have_alike_references() && have_alike_code() && have_alike_entries();
        return is_alike ? std::optional(std::move(reasons_)) : std::nullopt;
    }

private:
    bool have_same_shape() const {
        const elf::Bytes x = original_.unit.bytes(a_);
        const elf::Bytes y = patched_.unit.bytes(b_);
        const uint64_t prefix = a_.entry - a_.start;
        return x.size() == y.size() && !x.empty() && prefix == b_.entry - b_.start &&
               std::ranges::equal(x.first(prefix), y.first(prefix));
    }

    bool have_alike_references() {
        return std::ranges::equal(original_.unit.relocations(a_), patched_.unit.relocations(b_),
                                  [&](const elf::Relocation& p, const elf::Relocation& q) {
                                      return p.offset - a_.start == q.offset - b_.start &&
                                             is_alike(a_.section, p, b_.section, q);
                                  });
    }

    // Two relocations at the same place, of functions or of entries about them.
    bool is_alike(uint32_t section, const elf::Relocation& p, uint32_t patched_section, const elf::Relocation& q) {
        if (original_.unit.machine().canonical(p.type) != patched_.unit.machine().canonical(q.type))
            return false;
        const Reference x = original_.unit.reference(section, p);
        const Reference y = patched_.unit.reference(patched_section, q);
        return original_.hasher.target(x, before_) == patched_.hasher.target(y, after_) ||
               is_same_location(x, y, p, q) || is_same_frame(x, y, p, q);
    }

    // The call behind the instruction that a relocation belongs to is one of lib/ubsan.c.
    static bool is_given_to_sanitizer(const Unit& unit, const Piece& piece, const elf::Relocation& relocation) {
        const Instructions code = read_instructions(unit, piece);
        size_t at = instruction_at(code, relocation.offset);
        while (at < code.size() && !unit.leaves(piece, code[at]))
            ++at;
        return at < code.size() &&
               std::ranges::any_of(
                   unit.relocations(piece.section, code[at].offset, code[at].offset + code[at].size),
                   [&](const elf::Relocation& it) {
                       return unit.object().symbol(it.symbol).name.starts_with("__ubsan_handle_");
                   });
    }

    bool is_same_location(const Reference& x, const Reference& y, const elf::Relocation& from,
                          const elf::Relocation& to) {
        if (x.to != Reference::To::piece || y.to != Reference::To::piece || x.offset != y.offset)
            return false;
        const Piece& p = original_.unit.piece(x.id);
        const Piece& q = patched_.unit.piece(y.id);
        if (!has_source_location(original_.unit, p) || !has_source_location(patched_.unit, q) ||
            !is_given_to_sanitizer(original_.unit, a_, from) || !is_given_to_sanitizer(patched_.unit, b_, to))
            return false;
        const elf::Bytes left = original_.unit.bytes(p);
        const elf::Bytes right = patched_.unit.bytes(q);
        const bool is_equal = left.size() == right.size() && left.size() >= location_to &&
                              std::ranges::equal(left.first(location_from), right.first(location_from)) &&
                              std::ranges::equal(left.subspan(location_to), right.subspan(location_to));
        if (!is_equal || !have_equal_targets(x.id, y.id))
            return false;
        reasons_.insert("the line of a sanitizer's check (struct source_location)");
        return true;
    }
    bool have_equal_targets(uint32_t x, uint32_t y) {
        const Piece& p = original_.unit.piece(x);
        const Piece& q = patched_.unit.piece(y);
        return std::ranges::equal(original_.unit.relocations(p), patched_.unit.relocations(q),
                                  [&](const elf::Relocation& left, const elf::Relocation& right) {
                                      return left.offset - p.start == right.offset - q.start &&
                                             has_equal_target(original_.unit.reference(p.section, left), x,
                                                              patched_.unit.reference(q.section, right), y);
                                  });
    }
    bool has_equal_target(const Reference& left, uint32_t x, const Reference& right, uint32_t y) {
        if (original_.hasher.target(left, x) == patched_.hasher.target(right, y))
            return true;
        const auto before = type_without_place(original_.unit, left);
        return before && before == type_without_place(patched_.unit, right);
    }

    // KASAN puts the description into the frame itself: it is stored, where a text that somebody is to read is passed.
    bool is_same_frame(const Reference& x, const Reference& y, const elf::Relocation& p, const elf::Relocation& q) {
        if (x.to != Reference::To::literal && x.to != Reference::To::piece)
            return false;
        const auto before = frame_without_lines(original_.unit.text_at(x));
        const auto after = frame_without_lines(patched_.unit.text_at(y));
        if (!before || before != after || !is_stored(original_.unit, a_, p) || !is_stored(patched_.unit, b_, q))
            return false;
        reasons_.insert("the lines in KASAN's description of a stack frame");
        return true;
    }
    static bool is_stored(const Unit& unit, const Piece& piece, const elf::Relocation& relocation) {
        const Instructions code = read_instructions(unit, piece);
        const size_t at = instruction_at(code, relocation.offset);
        return at < code.size() && code[at].writes_memory && !code[at].is_call;
    }

    bool have_alike_code() {
        const Instructions left = read_instructions(original_.unit, a_);
        const Instructions right = read_instructions(patched_.unit, b_);
        if (left.size() != right.size())
            return false;
        for (size_t at = 0; at < left.size(); ++at)
            if (!is_alike(left, right, at))
                return false;
        return true;
    }
    bool is_alike(const Instructions& left, const Instructions& right, size_t at) {
        const arch::Instruction& p = left[at];
        const arch::Instruction& q = right[at];
        if (p.size != q.size || p.offset - a_.start != q.offset - b_.start)
            return false;
        const elf::Bytes x = original_.unit.object().section(a_.section).data.subspan(p.offset, p.size);
        const elf::Bytes y = patched_.unit.object().section(b_.section).data.subspan(q.offset, q.size);
        const std::optional<Hash> before = original_.hasher.pool_constant(before_, p);
        const std::optional<Hash> after = patched_.hasher.pool_constant(after_, q);
        if (before || after)
            return before == after && p.opcode == q.opcode && p.registers == q.registers;
        if (std::ranges::equal(x, y))
            return true;
        if (p.opcode != q.opcode)
            return false;
        if (is_resolved(original_.unit, a_, p) && is_resolved(patched_.unit, b_, q))
            return true; // a call within the section: its target was compared as a reference
        if (!(p.registers == q.registers) || !is_line_argument(original_.unit, a_, left, at, original_.lines) ||
            !is_line_argument(patched_.unit, b_, right, at, patched_.lines))
            return false;
        reasons_.insert("a line that is passed to a function which reports it");
        return true;
    }
    static bool is_resolved(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
        return std::ranges::any_of(
            unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size),
            [&](const elf::Relocation& it) { return unit.resolved_width(piece.section, it.offset) != 0; });
    }

    // What tables say of the two functions, kind by kind.
    bool have_alike_entries() {
        const auto left = compared_entries(original_.unit, before_);
        const auto right = compared_entries(patched_.unit, after_);
        return std::ranges::equal(left, right, [&](const auto& x, const auto& y) {
            return x.first == y.first &&
                   std::ranges::equal(x.second, y.second, [&](const auto& p, const auto& q) { return is_alike(p, q); });
        });
    }
    using Entries = std::map<std::string_view, std::vector<SpecialEntry>>;
    static Entries compared_entries(const Unit& unit, uint32_t piece) {
        Entries entries;
        for (const SpecialEntry& it : unit.entries_of(piece))
            if (is_compared(unit.table_of(it).kind->policy))
                entries[unit.table_of(it).kind->name].push_back(it);
        return entries;
    }
    bool is_alike(const SpecialEntry& p, const SpecialEntry& q) {
        if (original_.hasher.entry(p, before_) == patched_.hasher.entry(q, after_))
            return true;
        const SpecialSection& kind = *original_.unit.table_of(p).kind;
        const elf::Bytes x = original_.unit.object().section(p.section).data.subspan(p.start, p.size);
        const elf::Bytes y = patched_.unit.object().section(q.section).data.subspan(q.start, q.size);
        if (x.size() != y.size() ||
            original_.unit.object().section(p.section).name != patched_.unit.object().section(q.section).name)
            return false;
        auto is_blind = [&](uint64_t at) {
            return std::ranges::any_of(kind.blind, [&](const SpecialSection::Blind& it) {
                return it.size == x.size() && it.from <= at && at < it.to && follows_source_name(p, it.from);
            });
        };
        for (uint64_t at = 0; at < x.size(); ++at)
            if (x[at] != y[at] && !is_blind(at))
                return false;
        auto left = original_.unit.relocations(p.section, p.start, p.start + p.size);
        auto right = patched_.unit.relocations(q.section, q.start, q.start + q.size);
        const bool is_same = std::ranges::equal(left, right, [&](const auto& r, const auto& s) {
            return r.offset - p.start == s.offset - q.start && is_alike(p.section, r, q.section, s);
        });
        if (is_same)
            reasons_.insert("a line in " + std::string(kind.name));
        return is_same;
    }

    // A line stands behind the name of its file; what else is at that place, in an entry without either, is none.
    bool follows_source_name(const SpecialEntry& entry, uint64_t line) const {
        return std::ranges::any_of(
            original_.unit.relocations(entry.section, entry.start, entry.start + line), [&](const elf::Relocation& it) {
                return it.offset + original_.unit.machine().relocation(it.type).width == entry.start + line &&
                       is_source_name(original_.unit.text_at(original_.unit.reference(entry.section, it)));
            });
    }

    LineSide& original_;
    LineSide& patched_;
    uint32_t before_;
    uint32_t after_;
    const Piece& a_;
    const Piece& b_;
    Reasons reasons_;
};

} // namespace

std::optional<std::set<std::string>> harmless_differences(LineSide& original, uint32_t before, LineSide& patched,
                                                          uint32_t after) {
    return Judge(original, before, patched, after).run();
}

} // namespace klp::diff
