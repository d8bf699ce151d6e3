#include "diff/compare.h"

#include "diff/line_numbers.h"

#include <algorithm>
#include <elf.h>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace klp::diff {

namespace {

// Tags of what a reference may lead to, so that equal numbers of different kinds are not equal.
enum Tag : uint64_t {
    tag_nothing,
    tag_symbol,
    tag_literal,
    tag_self,
    tag_pair,
    tag_alone,
    tag_content,
    tag_mark,
    tag_cycle
};

// Content that leads to content that leads to content: no compiler goes deeper, and no file may exhaust the stack.
constexpr unsigned max_depth = 48;

// struct source_location of UBSAN (lib/ubsan.h): file, then line and column in 32 bits each. GCC's data has a name;
// Clang's has none, but nothing else without a name begins with a pointer to the name of a source.
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

std::string_view text_of(elf::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "... at fs/super.c:186" (FORTIFY_SOURCE's field names, __FILE__ ":" __stringify(__LINE__)): the text up to the
// number.
std::string_view without_line(elf::Bytes bytes) {
    const std::string_view text = text_of(bytes);
    std::string_view rest = text;
    while (!rest.empty() && (rest.back() == '\0' || rest.back() == '\n'))
        rest.remove_suffix(1);
    size_t digits = 0;
    while (!rest.empty() && is_digit(rest.back())) {
        rest.remove_suffix(1);
        ++digits;
    }
    bool has_line = digits > 0 && (rest.ends_with(".c:") || rest.ends_with(".h:"));
    return has_line ? rest : text;
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

// KASAN's description of a stack frame, which the function puts there for reports (mm/kasan/report_generic.c,
// print_decoded_frame_descr()): how many variables, then of each "OFFSET SIZE LENGTH NAME:LINE". Returns it without the
// lines, or nothing for any other text.
std::optional<std::string> frame_without_lines(std::string_view text) {
    if (text.empty() || !is_digit(text.front()))
        return std::nullopt;
    while (!text.empty() && text.back() == '\0')
        text.remove_suffix(1);
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
        result += std::to_string(*offset) + ' ' + std::to_string(*size) + ' ';
        result.append(name).append(1, ' ');
    }
    return rest.empty() ? std::optional(result) : std::nullopt;
}

bool is_blank(elf::Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

} // namespace

MeaningHasher::MeaningHasher(const Unit& unit, std::vector<uint32_t> pair_names, uint32_t side)
    : unit_(unit), pair_names_(std::move(pair_names)), side_(side), memo_(unit.pieces().size()),
      state_(unit.pieces().size(), 0) {}

Hash MeaningHasher::content(uint32_t piece) {
    if (state_[piece] == 2)
        return memo_[piece];
    if (state_[piece] == 1 || depth_ > max_depth) {
        Hasher hasher;
        hasher.add(tag_cycle);
        hasher.add(unit_.bytes(unit_.piece(piece)));
        return hasher.result();
    }
    state_[piece] = 1;
    ++depth_;
    memo_[piece] = compute(piece);
    --depth_;
    state_[piece] = 2;
    return memo_[piece];
}

Hash MeaningHasher::compute(uint32_t piece) {
    const Piece& it = unit_.piece(piece);
    Hasher hasher;
    hasher.add(it.entry - it.start);
    add_bytes(hasher, it, it.start, it.end);
    add_references(hasher, piece, it.start, it.end);
    return hasher.result();
}

void MeaningHasher::add_bytes(Hasher& hasher, const Piece& piece, uint64_t start, uint64_t end) {
    elf::Bytes data = unit_.object().section(piece.section).data;
    hasher.add(end - start);
    if (end > data.size()) // .bss
        return;
    elf::Bytes bytes = data.subspan(start, end - start);
    const bool has_holes = unit_.has_resolved(piece.section);
    if (!has_holes && !has_source_location(unit_, piece)) {
        if (piece.kind == PieceKind::function || !is_blank(bytes))
            hasher.add(bytes);
        return;
    }
    std::vector<std::byte> masked(bytes.begin(), bytes.end());
    if (has_source_location(unit_, piece) && masked.size() >= 16)
        std::fill(masked.begin() + 8, masked.begin() + 16, std::byte{0});
    for (const elf::Relocation& relocation : unit_.relocations(piece.section, start, end))
        for (unsigned at = 0; at < unit_.resolved_width(piece.section, relocation.offset); ++at)
            if (relocation.offset - start + at < masked.size())
                masked[relocation.offset - start + at] = std::byte{0};
    if (piece.kind == PieceKind::function || !is_blank(masked))
        hasher.add(elf::Bytes(masked));
}

void MeaningHasher::add_references(Hasher& hasher, uint32_t piece, uint64_t start, uint64_t end) {
    const Piece& it = unit_.piece(piece);
    for (const elf::Relocation& relocation : unit_.relocations(it.section, start, end)) {
        Reference reference = unit_.reference(it.section, relocation);
        if (reference.to == Reference::To::nothing && unit_.machine().relocation(relocation.type).is_known)
            continue;
        hasher.add(relocation.offset - it.start);
        hasher.add(unit_.machine().canonical(relocation.type));
        hasher.add(target(reference, piece));
    }
}

Hash MeaningHasher::target(const Reference& reference, uint32_t from) {
    Hasher hasher;
    switch (reference.to) {
    case Reference::To::nothing:
        hasher.add(tag_nothing);
        break;
    case Reference::To::symbol:
        hasher.add(tag_symbol);
        hasher.add(unit_.object().symbol(reference.id).name);
        hasher.add(static_cast<uint64_t>(reference.offset));
        break;
    case Reference::To::literal: {
        Unit::Literal literal = unit_.literal_at(reference.id, reference.offset);
        uint64_t inner = static_cast<uint64_t>(reference.offset) - literal.start;
        hasher.add(tag_literal);
        if (unit_.role(reference.id) == Role::strings) {
            elf::Bytes text = literal.bytes.subspan(std::min<uint64_t>(inner, literal.bytes.size()));
            if (std::optional<std::string> frame = frame_without_lines(text_of(text)))
                hasher.add(std::string_view(*frame));
            else
                hasher.add(without_line(text));
        } else {
            hasher.add(inner);
            hasher.add(literal.bytes);
        }
        break;
    }
    case Reference::To::piece:
        return piece_target(reference, from);
    }
    return hasher.result();
}

Hash MeaningHasher::piece_target(const Reference& reference, uint32_t from) {
    const Piece& piece = unit_.piece(reference.id);
    Hasher hasher;
    if (reference.id == from) {
        hasher.add(tag_self);
    } else if (piece.kind == PieceKind::fragment) {
        return fragment_target(reference);
    } else if (piece.identity == Identity::by_content) {
        hasher.add(tag_content);
        hasher.add(content(reference.id));
    } else if (piece.identity == Identity::left_alone) {
        hasher.add(tag_mark);
        hasher.add(stem(unit_.name(piece)));
    } else if (pair_names_[reference.id] != none) {
        hasher.add(tag_pair);
        hasher.add(pair_names_[reference.id]);
    } else {
        hasher.add(tag_alone);
        hasher.add(side_);
        hasher.add(reference.id);
    }
    hasher.add(static_cast<uint64_t>(reference.offset));
    return hasher.result();
}

// A nameless table counts from where the reference leads to as far as it may be read.
Hash MeaningHasher::fragment_target(const Reference& reference) {
    const Piece& piece = unit_.piece(reference.id);
    Hasher hasher;
    hasher.add(tag_content);
    uint64_t end = unit_.run_end(reference.id);
    if (end == piece.end || unit_.role(piece.section) == Role::fragments) {
        hasher.add(static_cast<uint64_t>(reference.offset));
        hasher.add(content(reference.id));
        return hasher.result();
    }
    uint64_t start = piece.entry + static_cast<uint64_t>(std::max<int64_t>(reference.offset, 0));
    add_bytes(hasher, piece, std::min(start, end), end);
    return hasher.result();
}

Hash MeaningHasher::entry(const SpecialEntry& entry, uint32_t owner) {
    const SpecialSection& kind = *unit_.table_of(entry).kind;
    const elf::Section& section = unit_.object().section(entry.section);
    Hasher hasher;
    hasher.add(section.name);
    elf::Bytes bytes = section.data.subspan(entry.start, entry.size);
    std::vector<std::byte> masked(bytes.begin(), bytes.end());
    for (const SpecialSection::Blind& blind : kind.blind)
        if (blind.size == entry.size)
            std::fill(masked.begin() + blind.from, masked.begin() + blind.to, std::byte{0});
    hasher.add(elf::Bytes(masked));
    for (const elf::Relocation& relocation : unit_.relocations(entry.section, entry.start, entry.start + entry.size)) {
        hasher.add(relocation.offset - entry.start);
        hasher.add(unit_.machine().canonical(relocation.type));
        hasher.add(target(unit_.reference(entry.section, relocation), owner));
    }
    return hasher.result();
}

Hash MeaningHasher::special(uint32_t piece) {
    // Which special section comes first in the file depends on the rest of the unit: the entries count by kind.
    std::map<std::string_view, Hasher> by_kind;
    auto is_compared = [](Policy policy) { return policy == Policy::keep || policy == Policy::constant; };
    for (const SpecialEntry& it : unit_.entries_of(piece))
        if (is_compared(unit_.table_of(it).kind->policy))
            by_kind[unit_.table_of(it).kind->name].add(entry(it, piece));
    Hasher hasher;
    for (const auto& [kind, entries] : by_kind)
        hasher.add(entries.result());
    return hasher.result();
}

std::vector<uint32_t> pair_names_of_original(const Correlation& correlation) {
    return correlation.to_patched;
}

std::vector<uint32_t> pair_names_of_patched(const Correlation& correlation) {
    std::vector<uint32_t> names(correlation.to_original.size(), none);
    for (uint32_t index = 0; index < names.size(); ++index)
        if (correlation.to_original[index] != none)
            names[index] = index;
    return names;
}

bool is_nameless_entry(const Unit& unit, const Piece& piece) {
    return unit.role(piece.section) == Role::registry &&
           (piece.symbol == 0 || piece.identity != Identity::kept || unit.name(piece).starts_with("__UNIQUE_ID_") ||
            unit.name(piece).starts_with("__initcall_"));
}

namespace {

using EntriesByRegistry = std::map<std::string_view, std::vector<Hash>>;

// A kernel for link-time optimisation has a section for each initcall, whose name has the line in it:
// ".initcall6.init..kmod_timer__866_322_init" (linux/init.h, __initcall_section()).
std::string_view registry_of(std::string_view section) {
    const size_t own = section.find("..");
    return section.starts_with(".initcall") && own != std::string_view::npos ? section.substr(0, own) : section;
}

EntriesByRegistry nameless_entries(const Unit& unit, MeaningHasher& hasher) {
    EntriesByRegistry entries;
    for (uint32_t index = 0; index < unit.pieces().size(); ++index)
        if (const Piece& piece = unit.piece(index); is_nameless_entry(unit, piece))
            entries[registry_of(unit.object().section(piece.section).name)].push_back(hasher.content(index));
    for (auto& [name, hashes] : entries)
        std::ranges::sort(hashes);
    return entries;
}

std::vector<std::string> changed_registries(const EntriesByRegistry& before, const EntriesByRegistry& after) {
    std::set<std::string> names;
    for (const auto* side : {&before, &after})
        for (const auto& [name, hashes] : *side) {
            auto old = before.find(name);
            auto now = after.find(name);
            if (old == before.end() || now == after.end() || old->second != now->second)
                names.emplace(name);
        }
    return {names.begin(), names.end()};
}

} // namespace

Comparison compare(const Unit& original, const Unit& patched, const Correlation& correlation) {
    MeaningHasher before(original, pair_names_of_original(correlation), 0);
    MeaningHasher after(patched, pair_names_of_patched(correlation), 1);
    // The two sides know nothing of each other: each has its own thread.
    auto hash_all = [](const Unit& unit, MeaningHasher& hasher) {
        for (uint32_t index = 0; index < unit.pieces().size(); ++index)
            hasher.content(index);
    };
    auto other = std::async(std::launch::async, [&] { hash_all(original, before); });
    hash_all(patched, after);
    other.get();
    LineSide original_side(original, before);
    LineSide patched_side(patched, after);
    Comparison result;
    result.changed_registries =
        changed_registries(nameless_entries(original, before), nameless_entries(patched, after));
    result.changed_functions.assign(patched.pieces().size(), false);
    result.changed_data.assign(patched.pieces().size(), false);
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        uint32_t partner = correlation.to_original[index];
        if (piece.kind == PieceKind::function && partner == none && piece.parent != none)
            result.changed_functions[piece.parent] = true; // a new unlikely part
        if (partner == none || (piece.kind == PieceKind::function && is_made_constructor(patched.name(piece))))
            continue;
        bool is_equal = before.content(partner) == after.content(index);
        if (piece.kind == PieceKind::function) {
            is_equal = is_equal || differ_in_line_numbers_only(original_side, partner, patched_side, index);
            is_equal = is_equal && before.special(partner) == after.special(index);
        }
        if (is_equal)
            continue;
        if (piece.kind == PieceKind::function)
            result.changed_functions[patched.root_of(index)] = true;
        else
            result.changed_data[index] = true;
    }
    // An unlikely part that is gone.
    for (uint32_t index = 0; index < original.pieces().size(); ++index) {
        uint32_t parent = original.piece(index).parent;
        if (parent != none && correlation.to_patched[index] == none && correlation.to_patched[parent] != none)
            result.changed_functions[correlation.to_patched[parent]] = true;
    }
    // New functions are not changed ones; parts share the verdict of the whole.
    for (uint32_t index = 0; index < patched.pieces().size(); ++index)
        if (patched.root_of(index) == index && correlation.to_original[index] == none)
            result.changed_functions[index] = false;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index)
        if (patched.piece(index).parent != none)
            result.changed_functions[index] = result.changed_functions[patched.piece(index).parent];
    return result;
}

} // namespace klp::diff
