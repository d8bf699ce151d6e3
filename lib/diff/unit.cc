#include "diff/unit.h"

#include "diff/boundaries.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>

namespace klp::diff {

Unit::Unit(const elf::Object& object, const arch::EntrySizes& entry_sizes)
    : object_(object), machine_(arch::Machine::of(object)) {
    classify_sections();
    number_files();
    find_special_tables(entry_sizes);
    find_prefixes();
    make_pieces();
    find_parents();
    find_resolved_branches();
    find_biases();
    split_fragments();
    read_special_tables();
    find_ftrace_locations();
    group_symbols();
    for (uint32_t part = 0; part < pieces_.size(); ++part)
        if (pieces_[part].parent != none)
            parts_.emplace(pieces_[part].parent, part);
    boundaries_ = find_boundaries(*this);
}

std::vector<uint32_t> Unit::parts_of(uint32_t function) const {
    std::vector<uint32_t> parts;
    const auto [first, last] = parts_.equal_range(function);
    for (auto at = first; at != last; ++at)
        parts.push_back(at->second);
    std::ranges::sort(parts);
    return parts;
}

void Unit::classify_sections() {
    roles_.reserve(object_.sections().size());
    for (const elf::Section& section : object_.sections()) {
        roles_.push_back(arch::role_of(section));
        // No linker merges what has relocations: s390's pools of addresses (.rodata.f.cst8) are tables without a name.
        const bool is_merged = roles_.back() == Role::strings || roles_.back() == Role::constants;
        if (is_merged && !object_.relocations(section.index).empty())
            roles_.back() = Role::data;
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

elf::Bytes Unit::bytes(const Piece& piece) const {
    elf::Bytes data = object_.section(piece.section).data;
    if (piece.end > data.size())
        return {};
    return data.subspan(piece.start, piece.end - piece.start);
}

uint64_t Unit::content_end(const Piece& piece) const {
    const uint64_t size = piece.symbol == 0 ? 0 : object_.symbol(piece.symbol).size;
    const uint64_t end = piece.entry + size;
    if (!piece.is_own_section || size == 0 || end >= piece.end || !relocations(piece.section, end, piece.end).empty())
        return piece.end;
    const elf::Bytes section = object_.section(piece.section).data;
    if (piece.kind == PieceKind::function) {
        const auto rest = machine_.disassemble({section, end, piece.end}, false);
        return std::ranges::all_of(rest, [&](const arch::Instruction& it) { return machine_.is_padding(it); })
                   ? end
                   : piece.end;
    }
    if (piece.end > section.size()) // .bss
        return end;
    const elf::Bytes rest = section.subspan(end, piece.end - end);
    return std::ranges::all_of(rest, [](std::byte it) { return it == std::byte{0}; }) ? end : piece.end;
}

std::optional<arch::Code> Unit::code_of(const Piece& piece) const {
    const elf::Section& section = object_.section(piece.section);
    if (!section.is_code() || piece.end > section.data.size())
        return std::nullopt;
    return arch::Code{section.data, piece.entry, piece.end};
}

void Unit::group_symbols() {
    auto is_wanted = [&](const elf::Symbol& symbol) {
        bool is_named = symbol.place == elf::Place::section && !symbol.is_section() && !symbol.is_file();
        return is_named && !machine_.is_mark(symbol) && holds_pieces(symbol.section);
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

std::optional<arch::FunctionResult> Unit::result_of(const Piece& function) const {
    const auto& results = function_types().results;
    // GCC's debug data counts the no-ops of -fpatchable-function-entry out.
    const auto found = results.lower_bound({function.section, function.entry});
    const bool is_inside =
        found != results.end() && found->first.first == function.section && found->first.second < function.end;
    return is_inside ? std::optional(found->second) : std::nullopt;
}

std::optional<unsigned> Unit::parameters_of(std::string_view function) const {
    const auto& parameters = function_types().parameters;
    const auto found = parameters.find(function);
    return found == parameters.end() ? std::nullopt : std::optional(found->second);
}

std::optional<uint64_t> Unit::element_size_of(const Piece& variable) const {
    if (!element_sizes_)
        element_sizes_ = arch::element_sizes(object_);
    const auto found = element_sizes_->find({variable.section, variable.entry});
    return found == element_sizes_->end() ? std::nullopt : std::optional(found->second);
}

const arch::FunctionTypes& Unit::function_types() const {
    if (!function_types_)
        function_types_ = arch::function_types(object_);
    return *function_types_;
}

} // namespace klp::diff
