#include "diff/unit.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <iterator>
#include <tuple>

namespace klp::diff {

Unit::Unit(const elf::Object& object, const arch::EntrySizes& entry_sizes)
    : object_(object), machine_(arch::Machine::of(object)) {
    classify_sections();
    number_files();
    find_prefixes();
    make_pieces();
    find_parents();
    find_resolved_branches();
    find_biases();
    split_fragments();
    read_special_tables(entry_sizes);
    find_ftrace_locations();
    group_symbols();
}

void Unit::classify_sections() {
    roles_.reserve(object_.sections().size());
    for (const elf::Section& section : object_.sections()) {
        roles_.push_back(arch::role_of(section));
        const bool needs_bytes = section.is_code() || roles_.back() == Role::special;
        if (needs_bytes && section.data.size() != section.size)
            throw report::Refusal("diff.malformed", object_.name(),
                                  fmt::format("the file holds no bytes of section {}", section.name),
                                  "give the object that the compiler wrote, not a file of debug data");
    }
    comdat_.assign(roles_.size(), false);
    for (const elf::Group& group : object_.groups())
        if (group.flags & GRP_COMDAT)
            for (uint32_t member : group.members)
                comdat_[member] = true;
}

// Local symbols stand after the FILE symbol of their source (gabi, "Symbol Table"); the same name may come several
// times in a linked object, so each is told apart by its count.
void Unit::number_files() {
    file_keys_.push_back("");
    file_of_symbol_.assign(object_.symbols().size(), 0);
    std::unordered_map<std::string_view, unsigned> seen;
    for (const elf::Symbol& symbol : object_.symbols()) {
        if (symbol.is_file()) {
            unsigned count = seen[symbol.name]++;
            file_keys_.push_back(count == 0 ? std::string(symbol.name) : fmt::format("{}#{}", symbol.name, count));
        }
        if (symbol.is_local())
            file_of_symbol_[symbol.index] = static_cast<uint32_t>(file_keys_.size() - 1);
    }
}

std::string Unit::file_key(uint32_t file) const {
    return file_keys_[file];
}

namespace {

bool holds_pieces(Role role) {
    return role == Role::code || role == Role::fragments || role == Role::data || role == Role::registry ||
           role == Role::unknown;
}

bool can_lead(const arch::Machine& machine, const elf::Symbol& symbol) {
    if (symbol.place != elf::Place::section || symbol.is_section() || symbol.is_file() || machine.is_mark(symbol))
        return false;
    return symbol.is_function() || symbol.type == STT_OBJECT || symbol.type == STT_NOTYPE || symbol.type == STT_COMMON;
}

} // namespace

void Unit::make_pieces() {
    const size_t section_count = object_.sections().size();
    piece_of_symbol_.assign(object_.symbols().size(), none);
    section_pieces_.assign(section_count, {0, 0});
    // Symbols by section, counted first so that one array holds them all.
    std::vector<uint32_t> begin(section_count + 1, 0);
    auto wanted = [&](const elf::Symbol& symbol) {
        return can_lead(machine_, symbol) && holds_pieces(roles_[symbol.section]) &&
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
        if (holds_pieces(roles_[section])) {
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
    std::erase_if(symbols, [&](uint32_t index) { return is_prefix_name(object_.symbol(index).name); });
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
        bool is_inner = !named.empty() && (symbol.value < named.back().end || symbol.value == named.back().entry);
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
        piece.identity = identity_of(symbol.name, section.name);
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

// In a section with several functions the assembler resolves calls between them; each function is to stand alone.
void Unit::find_resolved_branches() {
    for (uint32_t section = 0; section < roles_.size(); ++section) {
        auto [first, last] = section_pieces_[section];
        if (roles_[section] != Role::code || last - first < 2)
            continue;
        std::span<const elf::Relocation> known = object_.relocations(section);
        std::vector<elf::Relocation> added;
        for (uint32_t index = first; index < last; ++index) {
            const Piece& piece = pieces_[index];
            for (const arch::ResolvedBranch& branch : machine_.resolved_branches(*code_of(piece))) {
                uint64_t offset = branch.relocation.offset;
                auto at = std::ranges::lower_bound(known, offset, {}, &elf::Relocation::offset);
                bool has_relocation = at != known.end() && at->offset < offset + 4;
                bool is_padding = has_relocation || branch.target >= object_.section(section).size;
                if (is_padding || piece_at(section, branch.target) == index)
                    continue;
                resolved_[section][offset] = {branch.target, branch.can_move ? 4U : 1U, branch.can_move};
                added.push_back(branch.relocation);
            }
        }
        if (added.empty())
            continue;
        std::vector<elf::Relocation>& merged = merged_relocations_[section];
        merged.reserve(known.size() + added.size());
        std::ranges::sort(added, {}, &elf::Relocation::offset);
        std::ranges::merge(known, added, std::back_inserter(merged), {}, &elf::Relocation::offset,
                           &elf::Relocation::offset);
    }
}

bool Unit::is_stuck(uint32_t section, uint64_t offset) const {
    auto found = resolved_.find(section);
    if (found == resolved_.end())
        return false;
    auto at = found->second.find(offset);
    return at != found->second.end() && !at->second.can_move;
}

unsigned Unit::resolved_width(uint32_t section, uint64_t offset) const {
    auto found = resolved_.find(section);
    if (found == resolved_.end())
        return 0;
    auto at = found->second.find(offset);
    return at == found->second.end() ? 0 : at->second.width;
}

int64_t Unit::bias_of(uint32_t section, const elf::Relocation& relocation) const {
    auto found = unusual_biases_.find(section);
    if (found != unusual_biases_.end())
        if (auto at = found->second.find(relocation.offset); at != found->second.end())
            return at->second;
    return object_.section(section).is_code() ? machine_.usual_bias(relocation.type) : 0;
}

// Asks the machine once about every reference of code to something in this object: the answer may need a disassembler.
void Unit::find_biases() {
    for (const elf::RelocationTable& table : object_.relocation_tables()) {
        const elf::Section& section = object_.section(table.target);
        if (!section.is_code())
            continue;
        const auto [first, last] = section_pieces_[table.target];
        uint32_t at = first;
        for (const elf::Relocation& relocation : object_.relocations(table.target)) {
            if (object_.symbol(relocation.symbol).place != elf::Place::section)
                continue;
            while (at < last && pieces_[at].end <= relocation.offset)
                ++at;
            // The piece around it, or what is between two of them.
            arch::Code code{section.data, at > first ? pieces_[at - 1].end : 0,
                            at < last ? pieces_[at].start : section.data.size()};
            if (at < last && pieces_[at].start <= relocation.offset)
                code = {section.data, pieces_[at].entry, pieces_[at].end};
            int64_t bias = machine_.addend_bias(code, relocation);
            if (bias != machine_.usual_bias(relocation.type))
                unusual_biases_[table.target][relocation.offset] = bias;
        }
    }
}

// Nameless data and code is cut where something points to, so that each part can be compared and taken along alone.
void Unit::split_fragments() {
    std::unordered_map<uint32_t, std::vector<Cut>> cuts; // piece -> places in its section
    // struct kasan_global (mm/kasan/kasan.h) has eight words, the first of which points to an object.
    constexpr uint64_t kasan_global_size = 64;
    for (const elf::RelocationTable& table : object_.relocation_tables()) {
        Role role = roles_[table.target];
        if (role == Role::ignored)
            continue;
        const bool tells_objects = object_.section(table.target).name.ends_with(".LASAN0");
        for (const elf::Relocation& relocation : object_.relocations(table.target)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (symbol.place != elf::Place::section || !holds_pieces(roles_[symbol.section]))
                continue;
            if (roles_[symbol.section] == Role::code)
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

std::string_view Unit::name(const Piece& piece) const {
    return piece.symbol != 0 ? object_.symbol(piece.symbol).name : object_.section(piece.section).name;
}

std::string Unit::title(uint32_t piece) const {
    const Piece& it = pieces_[piece];
    if (it.symbol != 0)
        return std::string(name(it));
    return it.start == 0 ? std::string(name(it)) : fmt::format("{}+{:#x}", name(it), it.start);
}

uint32_t Unit::piece_at(uint32_t section, uint64_t offset) const {
    auto [first, last] = section_pieces_[section];
    if (first == last)
        return none;
    if (last - first == 1)
        return pieces_[first].is_own_section || (offset >= pieces_[first].start && offset <= pieces_[first].end) ? first
                                                                                                                 : none;
    auto begin = pieces_.begin() + first;
    auto found = std::upper_bound(begin, pieces_.begin() + last, offset,
                                  [](uint64_t value, const Piece& piece) { return value < piece.start; });
    if (found == begin)
        return none;
    --found;
    bool is_at_end = offset == found->end && offset == object_.section(section).size;
    if (offset >= found->end && !is_at_end)
        return none;
    return static_cast<uint32_t>(found - pieces_.begin());
}

uint32_t Unit::piece_around(uint32_t section, uint64_t offset) const {
    uint32_t found = piece_at(section, offset);
    if (found == none && offset > 0)
        found = piece_at(section, offset - 1);
    return found;
}

std::span<const elf::Relocation> Unit::relocations(uint32_t section, uint64_t start, uint64_t end) const {
    auto merged = merged_relocations_.find(section);
    std::span<const elf::Relocation> all = merged == merged_relocations_.end()
                                               ? object_.relocations(section)
                                               : std::span<const elf::Relocation>(merged->second);
    if (start == 0 && end >= object_.section(section).size)
        return all;
    auto first = std::ranges::lower_bound(all, start, {}, &elf::Relocation::offset);
    auto last = std::ranges::lower_bound(first, all.end(), end, {}, &elf::Relocation::offset);
    return {first, last};
}

elf::Bytes Unit::bytes(const Piece& piece) const {
    elf::Bytes data = object_.section(piece.section).data;
    if (piece.end > data.size())
        return {};
    return data.subspan(piece.start, piece.end - piece.start);
}

std::optional<arch::Code> Unit::code_of(const Piece& piece) const {
    const elf::Section& section = object_.section(piece.section);
    if (!section.is_code() || piece.end > section.data.size())
        return std::nullopt;
    return arch::Code{section.data, piece.entry, piece.end};
}

Reference Unit::reference_into(uint32_t section, int64_t offset) const {
    Role role = roles_[section];
    if (role == Role::strings || role == Role::constants)
        return {Reference::To::literal, section, offset, 0};
    auto [first, last] = section_pieces_[section];
    if (first == last)
        return {};
    uint32_t found = none;
    if (offset < 0)
        found = first; // an array that is indexed from one, for example
    else
        found = piece_at(section, static_cast<uint64_t>(offset));
    if (found == none && last - first == 1)
        found = first;
    if (found == none && offset > 0)
        found = piece_around(section, static_cast<uint64_t>(offset));
    if (found == none)
        return {};
    return {Reference::To::piece, found, difference(offset, static_cast<int64_t>(pieces_[found].entry)), 0};
}

Reference Unit::reference(uint32_t section, const elf::Relocation& relocation) const {
    const elf::Symbol& symbol = object_.symbol(relocation.symbol);
    arch::RelocationKind kind = machine_.relocation(relocation.type);
    if (relocation.symbol == 0) {
        auto resolved = resolved_.find(section);
        if (resolved != resolved_.end()) {
            auto at = resolved->second.find(relocation.offset);
            if (at != resolved->second.end())
                return reference_into(section, static_cast<int64_t>(at->second.target));
        }
        return {};
    }
    if (kind.form == arch::Form::none && kind.is_known)
        return {};
    if (roles_[section] == Role::special)
        if (std::optional<uint64_t> at = machine_.stand_in(object_, object_.section(section), relocation.offset))
            for (const elf::Relocation& other : relocations(section, *at, *at + 1))
                return reference(section, other);
    if (symbol.place != elf::Place::section)
        return {Reference::To::symbol, relocation.symbol, relocation.addend, 0};
    // A symbol with a name says what is meant even where the addend leads out of it.
    uint32_t named = piece_of_symbol_[relocation.symbol];
    int64_t bias = bias_of(section, relocation);
    int64_t offset = sum(sum(static_cast<int64_t>(symbol.value), relocation.addend), bias);
    Reference result;
    if (named != none)
        result = {Reference::To::piece, named, difference(offset, static_cast<int64_t>(pieces_[named].entry)), 0};
    else
        result = reference_into(symbol.section, offset);
    result.bias = bias;
    return result;
}

void Unit::read_special_tables(const arch::EntrySizes& entry_sizes) {
    table_of_section_.assign(roles_.size(), none);
    std::unordered_map<std::string_view, std::vector<uint32_t>> by_name;
    for (const elf::Section& section : object_.sections())
        by_name[section.name].push_back(section.index);
    std::vector<SpecialEntry> entries;
    for (const elf::Section& section : object_.sections()) {
        if (roles_[section.index] != Role::special || section.size == 0)
            continue;
        const SpecialSection& kind = *arch::find_special(section.name);
        if (kind.policy == Policy::drop || object_.relocations(section.index).empty())
            continue;
        SpecialTable table;
        table.kind = &kind;
        table.section = section.index;
        table.entry_size = entry_size(kind, section, entry_sizes);
        if (!kind.parallel.empty() && by_name.contains(kind.parallel)) {
            table.parallel = by_name[kind.parallel].front();
            uint64_t count = (section.size + table.entry_size - 1) / table.entry_size;
            uint64_t size = object_.section(table.parallel).data.size();
            check_parallel_size(kind, count, size, entry_sizes);
            table.parallel_size = static_cast<uint32_t>(size / count);
        }
        table_of_section_[section.index] = static_cast<uint32_t>(special_tables_.size());
        special_tables_.push_back(table);
        read_entries(table, entries);
    }
    std::ranges::sort(entries, {},
                      [](const SpecialEntry& entry) { return std::tuple(entry.owner, entry.section, entry.start); });
    entries_ = std::move(entries);
    entries_begin_.assign(pieces_.size() + 1, 0);
    for (const SpecialEntry& entry : entries_)
        if (entry.owner != none)
            ++entries_begin_[entry.owner + 1];
    for (size_t at = 1; at < entries_begin_.size(); ++at)
        entries_begin_[at] += entries_begin_[at - 1];
}

// The bytes of the parallel section are that many entries of one size, and of the one that is known.
void Unit::check_parallel_size(const SpecialSection& kind, uint64_t count, uint64_t size,
                               const arch::EntrySizes& entry_sizes) const {
    if (size % count != 0)
        throw report::Refusal("diff.malformed", object_.name(),
                              fmt::format("{} has {} bytes, which is no multiple of the {} entries of {}",
                                          kind.parallel, size, count, kind.name),
                              "compile the unit again");
    for (const auto& [known, hint] :
         {std::pair{&entry_sizes.given, fmt::format("correct {} or leave it unset", kind.parallel_variable)},
          {&entry_sizes.kernel, std::string("use the target's own source and configuration")}}) {
        auto found = known->find(std::string(kind.parallel));
        if (found != known->end() && size != 0 && found->second != size / count)
            throw report::Refusal("diff.entry-size", object_.name(),
                                  fmt::format("entries of {} are said to have {} bytes, but they have {}",
                                              kind.parallel, found->second, size / count),
                                  hint);
        if (found != known->end())
            return;
    }
}

// Where the compiler was told to mark the beginning of each entry of `section` (ANNOTATE_DATA_SPECIAL of
// linux/annotate.h, Linux 6.18): two words each, of which the first leads there.
std::vector<uint64_t> Unit::annotated_starts(const elf::Section& section) const {
    std::vector<uint64_t> starts;
    for (const elf::Section& marks : object_.sections()) {
        if (marks.name != ".discard.annotate_data")
            continue;
        for (const elf::Relocation& relocation : object_.relocations(marks.index)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (symbol.place == elf::Place::section && symbol.section == section.index)
                starts.push_back(named_offset(relocation));
        }
    }
    std::ranges::sort(starts);
    return starts;
}

// Every entry has a relocated field that ties it to code, so the distance between entries is where that holds for all
// of them.
uint32_t Unit::entry_size(const SpecialSection& kind, const elf::Section& section,
                          const arch::EntrySizes& entry_sizes) const {
    std::span<const elf::Relocation> relocations = object_.relocations(section.index);
    auto leads_to_code = [&](const elf::Relocation& relocation) {
        const elf::Section* target = object_.section_of(object_.symbol(relocation.symbol));
        return target && target->is_code();
    };
    auto fits = [&](uint64_t size) {
        // The assembler aligns the beginning of an entry: the last one may lack its padding (.parainstructions).
        uint64_t missing = size == 0 ? 0 : (size - section.size % size) % size;
        if (size == 0 || missing >= std::max<uint64_t>(section.alignment, 1) || (missing != 0 && missing >= size / 2))
            return false;
        uint64_t expected = kind.tie;
        std::optional<bool> kind_of_tie;
        for (const elf::Relocation& relocation : relocations) {
            if (relocation.offset > expected)
                return false;
            if (relocation.offset != expected)
                continue;
            // Another field of an entry (a handler, a file's name) is not a tie.
            const bool is_code = leads_to_code(relocation);
            if (kind_of_tie.value_or(is_code) != is_code)
                return false;
            kind_of_tie = is_code;
            expected += size;
        }
        return expected == section.size + missing + kind.tie;
    };
    auto disagree = [&](std::string_view who, uint64_t size, std::string hint) {
        return report::Refusal("diff.entry-size", object_.name(),
                               fmt::format("entries of {} have {} bytes according to {}, but its {} bytes, entry size "
                                           "{}, annotations and relocations do not agree with that",
                                           section.name, size, who, section.size, section.entry_size),
                               std::move(hint));
    };
    if (auto given = entry_sizes.given.find(std::string(section.name)); given != entry_sizes.given.end()) {
        if (fits(given->second))
            return given->second;
        throw disagree("the command's environment", given->second,
                       fmt::format("correct {} or leave it unset", kind.variable));
    }
    const bool has_own = section.entry_size > 1;
    const std::vector<uint64_t> starts = annotated_starts(section);
    const uint64_t annotated = starts.size() > 1 ? starts[1] - starts[0] : section.size;
    if (auto known = entry_sizes.kernel.find(std::string(section.name)); known != entry_sizes.kernel.end()) {
        if (fits(known->second) && (!has_own || section.entry_size == known->second) &&
            (starts.empty() || annotated == known->second))
            return known->second;
        throw disagree("the kernel's debug data", known->second,
                       "the unit was compiled for another kernel; use the target's own source and configuration");
    }
    if (!starts.empty()) {
        const bool is_even = std::ranges::adjacent_find(
                                 starts, [&](uint64_t a, uint64_t b) { return b - a != annotated; }) == starts.end();
        if (is_even && fits(annotated) && (!has_own || section.entry_size == annotated))
            return static_cast<uint32_t>(annotated);
        throw disagree("its annotations", annotated, "compile the unit again");
    }
    if (has_own && fits(section.entry_size))
        return static_cast<uint32_t>(section.entry_size);
    // Two small entries may look like a large one; the other way round a tie would be missing.
    std::vector<unsigned> sizes = kind.sizes;
    std::ranges::sort(sizes);
    for (unsigned size : sizes)
        if (fits(size))
            return size;
    for (unsigned size = 4; size <= 64; ++size)
        if (fits(size))
            return size;
    throw report::Refusal("diff.entry-size", object_.name(),
                          fmt::format("the size of the entries of {} ({} bytes, {} relocations) cannot be told",
                                      section.name, section.size, relocations.size()),
                          kind.variable.empty() ? "this kernel is newer than this tool; please report it"
                                                : fmt::format("set {} in the environment", kind.variable));
}

void Unit::read_entries(const SpecialTable& table, std::vector<SpecialEntry>& entries) const {
    std::span<const elf::Relocation> relocations = object_.relocations(table.section);
    size_t at = 0;
    const uint64_t size = object_.section(table.section).size;
    for (uint64_t start = 0; start < size; start += table.entry_size) {
        SpecialEntry entry{table.section, start,
                           static_cast<uint32_t>(std::min<uint64_t>(table.entry_size, size - start)), none};
        while (at < relocations.size() && relocations[at].offset < start + table.kind->tie)
            ++at;
        if (at < relocations.size() && relocations[at].offset == start + table.kind->tie) {
            Reference tie = reference(table.section, relocations[at]);
            const elf::Symbol& symbol = object_.symbol(relocations[at].symbol);
            if (tie.to == Reference::To::nothing && symbol.place == elf::Place::section) {
                uint64_t offset = symbol.value + static_cast<uint64_t>(relocations[at].addend);
                entry.owner = piece_around(symbol.section, offset);
            }
            if (tie.to == Reference::To::piece)
                entry.owner = tie.id;
        }
        entries.push_back(entry);
    }
}

std::span<const SpecialEntry> Unit::entries_of(uint32_t piece) const {
    return std::span(entries_).subspan(entries_begin_[piece], entries_begin_[piece + 1] - entries_begin_[piece]);
}

const SpecialTable& Unit::table_of(const SpecialEntry& entry) const {
    return special_tables_[table_of_section_[entry.section]];
}

uint64_t Unit::named_offset(const elf::Relocation& relocation) const {
    return object_.symbol(relocation.symbol).value + static_cast<uint64_t>(relocation.addend);
}

bool Unit::is_own_place(const SpecialEntry& entry, const elf::Relocation& relocation) const {
    const elf::Symbol& symbol = object_.symbol(relocation.symbol);
    return symbol.place == elf::Place::section && symbol.section == entry.section &&
           named_offset(relocation) - entry.start < entry.size;
}

Unit::Literal Unit::literal_at(uint32_t section, int64_t offset) const {
    const elf::Section& header = object_.section(section);
    if (offset < 0 || static_cast<uint64_t>(offset) >= header.data.size())
        return {};
    uint64_t at = static_cast<uint64_t>(offset);
    uint64_t width = std::max<uint64_t>(header.entry_size, 1);
    if (roles_[section] == Role::constants) {
        uint64_t start = at - at % width;
        return {start, header.data.subspan(start, std::min(width, header.data.size() - start))};
    }
    auto is_zero = [&](uint64_t unit) {
        for (uint64_t byte = unit; byte < std::min(unit + width, header.data.size()); ++byte)
            if (header.data[byte] != std::byte{0})
                return false;
        return true;
    };
    uint64_t start = at - at % width;
    uint64_t end = start;
    while (end < header.data.size() && !is_zero(end))
        end += width;
    end = std::min(end + width, header.data.size());
    return {start, header.data.subspan(start, end - start)};
}

std::string_view Unit::text_at(const Reference& reference) const {
    if (reference.to == Reference::To::literal && reference.offset >= 0)
        return elf::Object::string_at(object_.section(reference.id), static_cast<uint64_t>(reference.offset));
    if (reference.to != Reference::To::piece || reference.offset < 0)
        return {};
    const Piece& piece = pieces_[reference.id];
    const elf::Section& section = object_.section(piece.section);
    const bool is_nameless = piece.kind == PieceKind::fragment && !section.is_code();
    const bool is_constant =
        piece.kind == PieceKind::variable && piece.identity == Identity::by_content && !section.is_writable();
    if (!is_nameless && !is_constant)
        return {};
    return elf::Object::string_at(section, piece.entry + static_cast<uint64_t>(reference.offset));
}

void Unit::find_ftrace_locations() {
    has_ftrace_.assign(pieces_.size(), false);
    for (uint32_t index = 0; index < pieces_.size(); ++index) {
        const Piece& piece = pieces_[index];
        if (piece.kind != PieceKind::function)
            continue;
        for (const SpecialEntry& entry : entries_of(index)) {
            std::string_view table = table_of(entry).kind->name;
            if (table == "__mcount_loc" ||
                (table == "__patchable_function_entries" && machine_.hooks_patchable_entries()))
                has_ftrace_[index] = true;
        }
        for (const elf::Relocation& relocation : relocations(piece))
            if (relocation.symbol != 0 && machine_.is_profiling_call(object_.symbol(relocation.symbol).name))
                has_ftrace_[index] = true;
        if (auto code = code_of(piece); code && machine_.has_profiling_nop(*code))
            has_ftrace_[index] = true;
    }
}

bool Unit::has_ftrace_location(uint32_t piece) const {
    return has_ftrace_[piece];
}

void Unit::group_symbols() {
    auto is_wanted = [&](const elf::Symbol& symbol) {
        bool is_named = symbol.place == elf::Place::section && !symbol.is_section() && !symbol.is_file();
        return is_named && !machine_.is_mark(symbol) && holds_pieces(roles_[symbol.section]);
    };
    auto piece_of = [&](const elf::Symbol& symbol) {
        uint32_t piece = piece_of_symbol_[symbol.index];
        return piece != none ? piece : piece_at(symbol.section, symbol.value);
    };
    piece_symbols_begin_.assign(pieces_.size() + 1, 0);
    for (const elf::Symbol& symbol : object_.symbols())
        if (is_wanted(symbol) && piece_of(symbol) != none)
            ++piece_symbols_begin_[piece_of(symbol) + 1];
    for (size_t at = 1; at < piece_symbols_begin_.size(); ++at)
        piece_symbols_begin_[at] += piece_symbols_begin_[at - 1];
    piece_symbols_.resize(piece_symbols_begin_.back());
    std::vector<uint32_t> next(piece_symbols_begin_.begin(), piece_symbols_begin_.end() - 1);
    for (const elf::Symbol& symbol : object_.symbols())
        if (is_wanted(symbol) && piece_of(symbol) != none) {
            piece_of_symbol_[symbol.index] = piece_of(symbol);
            piece_symbols_[next[piece_of(symbol)]++] = symbol.index;
        }
}

std::span<const uint32_t> Unit::symbols_of(uint32_t piece) const {
    return std::span(piece_symbols_)
        .subspan(piece_symbols_begin_[piece], piece_symbols_begin_[piece + 1] - piece_symbols_begin_[piece]);
}

} // namespace klp::diff
