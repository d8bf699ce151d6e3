// Pieces: which bytes of a section stand and fall together.
#include "diff/unit.h"

#include <algorithm>
#include <elf.h>
#include <map>
#include <set>
#include <tuple>

namespace klp::diff {

namespace {

bool can_lead(const arch::Machine& machine, const elf::Symbol& symbol) {
    if (symbol.place != elf::Place::section || symbol.is_section() || symbol.is_file() || machine.is_mark(symbol))
        return false;
    return symbol.is_function() || symbol.type == STT_OBJECT || symbol.type == STT_NOTYPE || symbol.type == STT_COMMON;
}

} // namespace

bool Unit::holds_pieces(uint32_t section) const {
    const Role role = roles_[section];
    return role == Role::code || role == Role::fragments || role == Role::data || role == Role::registry ||
           role == Role::unknown;
}

void Unit::make_pieces() {
    const size_t section_count = object_.sections().size();
    piece_of_symbol_.assign(object_.symbols().size(), none);
    section_pieces_.assign(section_count, {0, 0});
    // Symbols by section, counted first so that one array holds them all.
    std::vector<uint32_t> begin(section_count + 1, 0);
    auto wanted = [&](const elf::Symbol& symbol) {
        return can_lead(machine_, symbol) && holds_pieces(symbol.section) &&
               symbol.value <= object_.section(symbol.section).size;
    };
    for (const elf::Symbol& symbol : object_.symbols())
        if (wanted(symbol))
            ++begin[symbol.section + 1];
    for (size_t at = 1; at < begin.size(); ++at)
        begin[at] += begin[at - 1];
    std::vector<uint32_t> sorted(begin.back());
    std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
    for (const elf::Symbol& symbol : object_.symbols())
        if (wanted(symbol))
            sorted[next[symbol.section]++] = symbol.index;
    for (uint32_t section = 0; section < section_count; ++section) {
        uint32_t first = static_cast<uint32_t>(pieces_.size());
        if (holds_pieces(section)) {
            std::vector<uint32_t> symbols(sorted.begin() + begin[section], sorted.begin() + begin[section + 1]);
            make_pieces_of(section, symbols);
        }
        section_pieces_[section] = {first, static_cast<uint32_t>(pieces_.size())};
    }
}

// Where the padding before a function begins: __pfx_ and __cfi_ symbols, and what __patchable_function_entries points
// to.
void Unit::find_prefixes() {
    for (const elf::Symbol& symbol : object_.symbols())
        if (symbol.place == elf::Place::section && is_prefix_name(symbol.name))
            prefixes_[symbol.section].push_back(symbol.value);
    for (const elf::Section& section : object_.sections()) {
        if (section.name != "__patchable_function_entries")
            continue;
        for (const elf::Relocation& relocation : object_.relocations(section.index)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (symbol.place == elf::Place::section)
                prefixes_[symbol.section].push_back(symbol.value + static_cast<uint64_t>(relocation.addend));
        }
    }
    for (auto& [section, offsets] : prefixes_)
        std::ranges::sort(offsets);
}

// The first prefix in [floor, entry), or `entry`.
uint64_t Unit::prefix_start(uint32_t section, uint64_t floor, uint64_t entry) const {
    auto found = prefixes_.find(section);
    if (found == prefixes_.end())
        return entry;
    auto at = std::ranges::lower_bound(found->second, floor);
    return at == found->second.end() ? entry : std::min(*at, entry);
}

// Gives every byte of the section to at most one piece. Symbols inside another's size, and aliases, join that piece.
void Unit::make_pieces_of(uint32_t section, std::vector<uint32_t>& symbols) {
    const elf::Section& header = object_.section(section);
    auto size_of = [&](uint32_t index) {
        const elf::Symbol& symbol = object_.symbol(index);
        return std::min(symbol.size, header.size - symbol.value);
    };
    auto rank = [&](uint32_t index) { // among symbols of one place: the one that names the piece
        const elf::Symbol& symbol = object_.symbol(index);
        return std::tuple(!(symbol.is_function() || symbol.type == STT_OBJECT), symbol.is_weak(), symbol.is_local());
    };
    // A list is looked at as a whole: its entries have names, but nobody refers to them.
    const bool is_list = arch::is_filled_by_link(header.name);
    std::erase_if(symbols, [&](uint32_t index) {
        const std::string_view name = object_.symbol(index).name;
        return is_prefix_name(name) || (is_list && is_btf_id_name(name));
    });
    std::ranges::sort(symbols, [&](uint32_t a, uint32_t b) {
        const elf::Symbol& x = object_.symbol(a);
        const elf::Symbol& y = object_.symbol(b);
        return std::tuple(x.value, header.size - size_of(a), rank(a), a) <
               std::tuple(y.value, header.size - size_of(b), rank(b), b);
    });
    std::vector<Piece> named;
    std::vector<uint32_t> place_of(symbols.size()); // position in `symbols` -> position in `named`
    for (size_t at = 0; at < symbols.size(); ++at) {
        const elf::Symbol& symbol = object_.symbol(symbols[at]);
        // A label at the end says where what is before it ends (`blob: .incbin "x"` and then `blob_end:`).
        const bool is_end = symbol.value == header.size && size_of(symbols[at]) == 0;
        const bool is_inner =
            !named.empty() && (symbol.value < named.back().end || symbol.value == named.back().entry || is_end);
        if (!is_inner) {
            if (!named.empty() && named.back().end == named.back().entry)
                named.back().end = symbol.value; // a label without a size reaches up to the next one
            named.push_back(named_piece(symbol, symbol.value + size_of(symbols[at])));
        }
        place_of[at] = static_cast<uint32_t>(named.size() - 1);
    }
    if (!named.empty() && named.back().end == named.back().entry)
        named.back().end = header.size;
    widen(section, named);
    const std::vector<uint32_t> indices = append_with_fragments(section, named);
    for (size_t at = 0; at < symbols.size(); ++at)
        piece_of_symbol_[symbols[at]] = indices[place_of[at]];
}

Piece Unit::named_piece(const elf::Symbol& symbol, uint64_t end) const {
    const elf::Section& section = object_.section(symbol.section);
    Piece piece;
    piece.kind = section.is_code() ? PieceKind::function : PieceKind::variable;
    if (piece.kind == PieceKind::variable)
        piece.identity = identity_of(symbol.name, section);
    piece.section = symbol.section;
    piece.symbol = symbol.index;
    piece.start = piece.entry = symbol.value;
    piece.end = end;
    piece.file = file_of_symbol_[symbol.index];
    return piece;
}

// A piece that is alone in its section is all of it; in a shared one a function takes the padding that is marked as
// its.
void Unit::widen(uint32_t section, std::vector<Piece>& named) const {
    const elf::Section& header = object_.section(section);
    if (named.size() == 1 && roles_[section] != Role::fragments) {
        named[0].is_own_section = true;
        named[0].start = 0;
        named[0].end = header.size;
        return;
    }
    if (!header.is_code())
        return;
    for (size_t at = 0; at < named.size(); ++at)
        named[at].start = prefix_start(section, at == 0 ? 0 : named[at - 1].end, named[at].entry);
}

// Adds the pieces and, for what no symbol covers, nameless ones; returns where each named piece went.
std::vector<uint32_t> Unit::append_with_fragments(uint32_t section, const std::vector<Piece>& named) {
    const elf::Section& header = object_.section(section);
    // Between functions there is only padding.
    const bool has_fragments = roles_[section] != Role::code || named.empty();
    auto add_gap = [&](uint64_t from, uint64_t to) {
        if (from >= to || !has_fragments)
            return;
        Piece gap;
        gap.section = section;
        gap.start = gap.entry = from;
        gap.end = to;
        gap.identity = Identity::by_content;
        gap.is_own_section = from == 0 && to == header.size;
        pieces_.push_back(gap);
    };
    std::vector<uint32_t> indices;
    uint64_t at = 0;
    for (const Piece& piece : named) {
        add_gap(at, piece.start);
        at = std::max(at, piece.end);
        indices.push_back(static_cast<uint32_t>(pieces_.size()));
        pieces_.push_back(piece);
    }
    add_gap(at, header.size);
    return indices;
}

// NAME.cold belongs to NAME of the same source; clones of NAME do not: they are functions of their own.
void Unit::find_parents() {
    std::unordered_map<std::string_view, std::vector<uint32_t>> by_name;
    for (uint32_t index = 0; index < pieces_.size(); ++index)
        if (pieces_[index].kind == PieceKind::function)
            by_name[name(pieces_[index])].push_back(index);
    for (Piece& piece : pieces_) {
        if (piece.kind != PieceKind::function)
            continue;
        std::string_view parent = cold_parent(name(piece));
        auto found = parent.empty() ? by_name.end() : by_name.find(parent);
        if (found == by_name.end())
            continue;
        for (uint32_t candidate : found->second) {
            bool is_same_file = pieces_[candidate].file == piece.file;
            if (piece.parent == none || is_same_file)
                piece.parent = candidate;
        }
    }
}

// Nameless data of which code says only where a block begins, and in its instructions how far from there (GCC's section
// anchors: `adrp x0, .rodata; add x0, x0, :lo12:.rodata; ldr w1, [x0, 52]`): several functions go by one place, or they
// may go further than one anchor reaches. By section.
std::vector<bool> Unit::find_anchored_blocks() const {
    std::vector<bool> found(roles_.size(), false);
    if (machine_.anchor_reach() == 0)
        return found;
    using Users = std::set<uint32_t>; // sections of code
    std::map<uint32_t, Users> of_section;
    std::map<std::pair<uint32_t, int64_t>, Users> of_place;
    const auto is_constant = [&](const elf::Symbol& symbol) { // a slot of .toc is one thing, whoever uses it
        return symbol.is_section() && symbol.place == elf::Place::section && roles_[symbol.section] == Role::data &&
               arch::is_read_only(object_.section(symbol.section));
    };
    for (const elf::RelocationTable& table : object_.relocation_tables())
        for (const elf::Relocation& relocation : object_.relocations(table.target)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (roles_[table.target] != Role::code || !is_constant(symbol))
                continue;
            const Reference target = reference(table.target, relocation);
            if (target.to != Reference::To::piece || pieces_[target.id].kind != PieceKind::fragment)
                continue;
            of_section[symbol.section].insert(table.target);
            of_place[{target.id, target.offset}].insert(table.target);
        }
    for (const auto& [place, users] : of_place)
        if (users.size() > 1)
            found[pieces_[place.first].section] = true;
    for (const auto& [section, users] : of_section)
        if (users.size() > 1 && object_.section(section).size > machine_.anchor_reach())
            found[section] = true;
    return found;
}

// Nameless data and code is cut where something points to, so that each part can be compared and taken along alone.
void Unit::split_fragments() {
    const std::vector<bool> is_block = find_anchored_blocks();
    std::unordered_map<uint32_t, std::vector<Cut>> cuts; // piece -> places in its section
    // struct kasan_global (mm/kasan/kasan.h) has eight words, the first of which points to an object.
    constexpr uint64_t kasan_global_size = 64;
    for (const elf::RelocationTable& table : object_.relocation_tables()) {
        Role role = roles_[table.target];
        if (role == Role::ignored)
            continue;
        const bool tells_objects = is_watch_list(table.target);
        for (const elf::Relocation& relocation : object_.relocations(table.target)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (symbol.place != elf::Place::section || !holds_pieces(symbol.section))
                continue;
            if (roles_[symbol.section] == Role::code || is_block[symbol.section])
                continue;
            Reference target = reference(table.target, relocation);
            const bool is_bound = tells_objects && relocation.offset % kasan_global_size == 0;
            if (target.to == Reference::To::piece && pieces_[target.id].kind == PieceKind::fragment &&
                (target.offset > 0 || (is_bound && target.offset == 0)))
                cuts[target.id].push_back({pieces_[target.id].entry + static_cast<uint64_t>(target.offset), is_bound});
        }
    }
    if (cuts.empty())
        return;
    std::vector<Piece> split;
    std::vector<uint32_t> moved(pieces_.size());
    for (uint32_t index = 0; index < pieces_.size(); ++index) {
        moved[index] = static_cast<uint32_t>(split.size());
        split.push_back(pieces_[index]);
        auto found = cuts.find(index);
        if (found == cuts.end())
            continue;
        std::ranges::sort(found->second);
        for (auto [cut, is_bound] : found->second) {
            if (cut > split.back().start && cut < split.back().end) {
                Piece rest = split.back();
                split.back().end = cut;
                split.back().is_own_section = rest.is_own_section = false;
                rest.start = rest.entry = cut;
                rest.is_whole = false;
                split.push_back(rest);
            }
            if (cut == split.back().start && is_bound)
                split.back().is_whole = true;
        }
    }
    pieces_ = std::move(split);
    for (uint32_t& piece : piece_of_symbol_)
        if (piece != none)
            piece = moved[piece];
    for (Piece& piece : pieces_)
        if (piece.parent != none)
            piece.parent = moved[piece.parent];
    uint32_t at = 0;
    for (uint32_t section = 0; section < section_pieces_.size(); ++section) {
        uint32_t first = at;
        while (at < pieces_.size() && pieces_[at].section == section)
            ++at;
        section_pieces_[section] = {first, at};
    }
}

uint64_t Unit::run_end(uint32_t piece) const {
    uint32_t last = section_pieces_[pieces_[piece].section].second;
    uint32_t at = piece;
    auto continues = [&](uint32_t next) {
        return next < last && pieces_[next].kind == PieceKind::fragment && !pieces_[next].is_whole &&
               pieces_[next].start == pieces_[next - 1].end && relocations(pieces_[next]).empty();
    };
    if (relocations(pieces_[piece]).empty())
        while (continues(at + 1))
            ++at;
    return pieces_[at].end;
}

} // namespace klp::diff
