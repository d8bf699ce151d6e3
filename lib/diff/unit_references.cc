// References: what a relocation means, and what the assembler left out.
#include "diff/unit.h"

#include <algorithm>
#include <iterator>

namespace klp::diff {

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
    if (roles_[section] == Role::special && table_of_section_[section] != none) {
        const SpecialTable& table = special_tables_[table_of_section_[section]];
        const bool is_distance = machine_.relocation(relocation.type).form == arch::Form::pc_relative;
        return table.kind->counts_from_entry && is_distance
                   ? -static_cast<int64_t>(relocation.offset % table.entry_size)
                   : 0;
    }
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

Unit::Literal Unit::literal_at(uint32_t section, uint64_t offset) const {
    const elf::Section& header = object_.section(section);
    if (offset >= header.data.size())
        return {};
    const uint64_t at = offset;
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
    while (start >= width && !is_zero(start - width))
        start -= width;
    uint64_t end = at - at % width;
    while (end < header.data.size() && !is_zero(end))
        end += width;
    end = std::min(end + width, header.data.size());
    return {start, header.data.subspan(start, end - start)};
}
Reference Unit::literal_reference(uint32_t section, int64_t anchor, int64_t offset) const {
    const uint64_t size = object_.section(section).data.size();
    Reference result{Reference::To::literal, section, offset};
    if (size == 0)
        return result;
    // The very end of the section is the end of the last one.
    result.anchor = literal_at(section, std::min(static_cast<uint64_t>(std::max<int64_t>(anchor, 0)), size - 1)).start;
    return result;
}

// The piece at an offset, or what is nearest to it: an array may be indexed from one.
uint32_t Unit::nearest_piece(uint32_t section, int64_t offset) const {
    auto [first, last] = section_pieces_[section];
    if (offset < 0)
        return first;
    uint32_t found = piece_at(section, static_cast<uint64_t>(offset));
    if (found == none && last - first == 1)
        found = first;
    return found == none ? piece_around(section, static_cast<uint64_t>(offset)) : found;
}

// `anchor` is where the symbol points, if it is more than the section's own; the piece there is meant, wherever
// `offset` is.
Reference Unit::reference_into(uint32_t section, int64_t anchor, int64_t offset) const {
    Role role = roles_[section];
    if (role == Role::strings || role == Role::constants)
        return literal_reference(section, anchor, offset);
    if (role == Role::special)
        return entry_reference(section, anchor, offset);
    auto [first, last] = section_pieces_[section];
    const uint32_t found = first == last ? none : nearest_piece(section, anchor);
    if (found == none)
        return {};
    return {Reference::To::piece, found, difference(offset, static_cast<int64_t>(pieces_[found].entry))};
}

const Boundary* Unit::boundary_at(uint32_t section, uint64_t offset) const {
    auto found = boundaries_.find(section);
    if (found == boundaries_.end())
        return nullptr;
    auto at = found->second.find(offset);
    return at == found->second.end() ? nullptr : &at->second;
}

Reference Unit::reference(uint32_t section, const elf::Relocation& relocation) const {
    const elf::Symbol& symbol = object_.symbol(relocation.symbol);
    arch::RelocationKind kind = machine_.relocation(relocation.type);
    if (relocation.symbol == 0) {
        auto resolved = resolved_.find(section);
        if (resolved != resolved_.end()) {
            auto at = resolved->second.find(relocation.offset);
            if (at != resolved->second.end())
                return reference_into(section, static_cast<int64_t>(at->second.target),
                                      static_cast<int64_t>(at->second.target));
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
        return {Reference::To::symbol, relocation.symbol, relocation.addend};
    // A symbol with a name says what is meant even where the addend leads out of it.
    uint32_t named = piece_of_symbol_[relocation.symbol];
    int64_t bias = bias_of(section, relocation);
    int64_t offset = meant_offset(section, relocation);
    const std::optional<Extent> extent = extent_at(section, relocation);
    Reference result;
    if (extent && extent->from == extent->to && !extent->is_tie)
        // Nothing is there, and any place will do that is the same for both fields: the entry's own.
        result = entry_reference(section, extent->entry, extent->entry);
    else if (extent)
        result = reference_into(symbol.section, extent->from, offset);
    else if (named != none)
        result = {Reference::To::piece, named, difference(offset, static_cast<int64_t>(pieces_[named].entry))};
    else
        result =
            reference_into(symbol.section, symbol.is_section() ? offset : static_cast<int64_t>(symbol.value), offset);
    if (named == none && symbol.is_section())
        if (const Boundary* boundary = boundary_at(section, relocation.offset)) {
            result.id = boundary->meant;
            result.rival = boundary->rival;
            result.offset = difference(offset, static_cast<int64_t>(pieces_[result.id].entry));
        }
    result.bias = bias;
    return result;
}

int64_t Unit::meant_offset(uint32_t section, const elf::Relocation& relocation) const {
    return sum(sum(static_cast<int64_t>(object_.symbol(relocation.symbol).value), relocation.addend),
               bias_of(section, relocation));
}

std::optional<Unit::Extent> Unit::extent_at(uint32_t section, const elf::Relocation& relocation) const {
    if (roles_[section] != Role::special || table_of_section_[section] == none)
        return std::nullopt;
    const SpecialTable& table = special_tables_[table_of_section_[section]];
    const uint64_t field = relocation.offset % table.entry_size;
    const uint64_t entry = relocation.offset - field;
    for (auto [from, to] : table.kind->extents) {
        const auto first = relocations(section, entry + from, entry + from + 1);
        const auto last = relocations(section, entry + to, entry + to + 1);
        const bool is_one = first.size() == 1 && last.size() == 1 && first[0].symbol == last[0].symbol &&
                            object_.symbol(first[0].symbol).is_section();
        if ((field == from || field == to) && is_one)
            return Extent{meant_offset(section, first[0]), meant_offset(section, last[0]), static_cast<int64_t>(entry),
                          from == table.kind->tie};
    }
    return std::nullopt;
}

uint64_t Unit::named_offset(const elf::Relocation& relocation) const {
    return object_.symbol(relocation.symbol).value + static_cast<uint64_t>(relocation.addend);
}

bool Unit::leaves(const Piece& piece, const arch::Instruction& instruction) const {
    if (instruction.is_call || !instruction.is_branch)
        return instruction.is_call;
    const uint64_t end = instruction.offset + instruction.size;
    for (const elf::Relocation& relocation : relocations(piece.section, instruction.offset, end)) {
        const Reference target = reference(piece.section, relocation);
        const bool is_own = target.to == Reference::To::piece && pieces_[target.id].section == piece.section;
        if (!is_own && target.to != Reference::To::nothing)
            return true;
    }
    return false;
}

std::string Unit::target_name(const Reference& reference) const {
    switch (reference.to) {
    case Reference::To::symbol:
        return std::string(object_.symbol(reference.id).name);
    case Reference::To::piece:
        return title(reference.id);
    case Reference::To::entry:
        return std::string(object_.section(entries_[reference.id].section).name);
    case Reference::To::literal:
    case Reference::To::nothing:
        break;
    }
    return {};
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

} // namespace klp::diff
