#include "diff/meaning.h"

#include "diff/instructions.h"

#include <algorithm>
#include <map>
#include <string_view>

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
    tag_cycle,
    tag_entry
};

// Content that leads to content that leads to content: no compiler goes deeper, and no file may exhaust the stack.
constexpr unsigned max_depth = 48;

bool is_blank(elf::Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

} // namespace

MeaningHasher::MeaningHasher(const Unit& unit, PairNames names, uint32_t side)
    : unit_(unit), names_(std::move(names)), side_(side), memo_(unit.pieces().size()), state_(unit.pieces().size(), 0) {
}

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
    add_bytes(hasher, piece, it.start, unit_.content_end(it));
    add_references(hasher, piece, it.start, it.end);
    if (arch::is_filled_by_link(unit_.object().section(it.section).name))
        add_entry_names(hasher, piece);
    return hasher.result();
}

// Of what is filled in later the names say what will stand there.
void MeaningHasher::add_entry_names(Hasher& hasher, uint32_t piece) {
    for (uint32_t index : unit_.symbols_of(piece)) {
        const elf::Symbol& symbol = unit_.object().symbol(index);
        hasher.add(symbol.value - unit_.piece(piece).start);
        hasher.add(std::string_view(stem(symbol.name)));
    }
}

std::optional<Hash> MeaningHasher::pool_constant(uint32_t piece, const arch::Instruction& load) {
    const Piece& it = unit_.piece(piece);
    const elf::Bytes section = unit_.object().section(it.section).data;
    const auto target = load.is_pool_load ? unit_.machine().near_target(section, load) : std::nullopt;
    if (!target || *target >= section.size() || (*target >= it.start && *target < it.end))
        return std::nullopt;
    constexpr uint64_t widest = 8;
    const elf::Bytes constant = section.subspan(*target, std::min(widest, section.size() - *target));
    Hasher hasher;
    hasher.add(constant);
    for (const elf::Relocation& relocation : unit_.relocations(it.section, *target, *target + constant.size()))
        hasher.add(this->target(unit_.reference(it.section, relocation), piece));
    return hasher.result();
}

// What is loaded counts, and not where it is.
void MeaningHasher::add_pool_loads(Hasher& hasher, uint32_t piece, std::vector<std::byte>& bytes) {
    const Piece& it = unit_.piece(piece);
    for (const arch::Instruction& load : read_instructions(unit_, it)) {
        const std::optional<Hash> constant = pool_constant(piece, load);
        if (!constant)
            continue;
        hasher.add(*constant);
        // The distance is in bits 5 to 23 (Arm ARM, C6.2, LDR (literal)): register and opcode stay.
        const auto word = bytes.begin() + static_cast<std::ptrdiff_t>(load.offset - it.start);
        word[0] &= std::byte{0x1f};
        word[1] = std::byte{0};
        word[2] = std::byte{0};
    }
}

void MeaningHasher::add_bytes(Hasher& hasher, uint32_t index, uint64_t start, uint64_t end) {
    const Piece& piece = unit_.piece(index);
    elf::Bytes data = unit_.object().section(piece.section).data;
    hasher.add(end - start);
    if (end > data.size()) // .bss
        return;
    elf::Bytes bytes = data.subspan(start, end - start);
    const bool may_have_pool =
        piece.kind == PieceKind::function && !piece.is_own_section && unit_.machine().has_literal_pools();
    if (!unit_.has_resolved(piece.section) && !may_have_pool) {
        if (piece.kind == PieceKind::function || !is_blank(bytes))
            hasher.add(bytes);
        return;
    }
    std::vector<std::byte> masked(bytes.begin(), bytes.end());
    for (const elf::Relocation& relocation : unit_.relocations(piece.section, start, end))
        for (unsigned at = 0; at < unit_.resolved_width(piece.section, relocation.offset); ++at)
            if (relocation.offset - start + at < masked.size())
                masked[relocation.offset - start + at] = std::byte{0};
    if (may_have_pool)
        add_pool_loads(hasher, index, masked);
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
        Unit::Literal literal = unit_.literal_of(reference);
        uint64_t inner = static_cast<uint64_t>(reference.offset) - literal.start;
        hasher.add(tag_literal);
        if (unit_.role(reference.id) == Role::strings && inner < literal.bytes.size()) {
            elf::Bytes text = literal.bytes.subspan(inner);
            hasher.add(text);
        } else {
            hasher.add(inner);
            hasher.add(literal.bytes);
        }
        break;
    }
    case Reference::To::entry: {
        // Which one of whose; what is in it is compared with the other entries of its owner.
        const SpecialEntry& entry = unit_.entry(reference.id);
        hasher.add(tag_entry);
        hasher.add(unit_.table_of(entry).kind->name);
        hasher.add(unit_.rank_of_entry(reference.id));
        hasher.add(static_cast<uint64_t>(reference.offset));
        if (entry.owner != none)
            hasher.add(piece_target({Reference::To::piece, entry.owner}, from));
        break;
    }
    case Reference::To::piece:
        return piece_target(reference, from);
    }
    return hasher.result();
}

Hash MeaningHasher::piece_target(const Reference& reference, uint32_t from) {
    const Piece& piece = unit_.piece(reference.id);
    const bool is_from_init = from != none && arch::is_init(unit_.object().section(unit_.piece(from).section).name);
    const std::vector<uint32_t>& names = is_from_init ? names_.for_init_code : names_.pairs;
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
    } else if (names[reference.id] != none) {
        hasher.add(tag_pair);
        hasher.add(names[reference.id]);
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
    add_bytes(hasher, reference.id, std::min(start, end), end);
    return hasher.result();
}

Hash MeaningHasher::entry(const SpecialEntry& entry, uint32_t owner) {
    const elf::Section& section = unit_.object().section(entry.section);
    Hasher hasher;
    hasher.add(section.name);
    elf::Bytes bytes = section.data.subspan(entry.start, entry.size);
    hasher.add(bytes);
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
    for (const SpecialEntry& it : unit_.entries_of(piece))
        if (is_compared(unit_.table_of(it).kind->policy))
            by_kind[unit_.table_of(it).kind->name].add(entry(it, piece));
    Hasher hasher;
    for (const auto& [kind, entries] : by_kind)
        hasher.add(entries.result());
    return hasher.result();
}

PairNames pair_names_of_original(const Correlation& correlation) {
    PairNames names{correlation.to_patched, correlation.to_patched};
    for (auto [patched, original] : correlation.revived)
        names.for_init_code[original] = patched;
    return names;
}

PairNames pair_names_of_patched(const Correlation& correlation) {
    PairNames names{std::vector<uint32_t>(correlation.to_original.size(), none), {}};
    for (uint32_t index = 0; index < names.pairs.size(); ++index)
        if (correlation.to_original[index] != none)
            names.pairs[index] = index;
    names.for_init_code = names.pairs;
    for (auto [patched, original] : correlation.revived)
        names.for_init_code[patched] = patched;
    return names;
}

bool is_compared(Policy policy) {
    return policy == Policy::keep || policy == Policy::constant;
}

} // namespace klp::diff
