#include "diff/boundaries.h"

#include "arch/address_flow.h"
#include "diff/instructions.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::diff {

namespace {

using Boundaries = std::unordered_map<uint32_t, std::unordered_map<uint64_t, Boundary>>;

// How far before its beginning an array is still indexed: a[i - 8] of elements of eight bytes.
constexpr uint64_t index_reach = 64;

// Bytes between two variables that are there for the alignment of the second.
bool is_padding(const Unit& unit, uint32_t index) {
    const Piece& piece = unit.piece(index);
    const elf::Section& section = unit.object().section(piece.section);
    const elf::Bytes bytes = unit.bytes(piece);
    return piece.kind == PieceKind::fragment && piece.end - piece.start < section.alignment &&
           unit.relocations(piece).empty() &&
           std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// A section whose name is an identifier of C is a table that the linker puts together of all units' entries and whose
// bounds it names itself (__start_NAME and __stop_NAME: GNU ld, "Input Section Example"): no code goes to the end of
// one entry.
bool is_linkers_table(std::string_view section) {
    return std::ranges::all_of(section, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// The references of one function, or of one variable.
class Finder {
public:
    Finder(const Unit& unit, const Piece& piece, Boundaries& found) : unit_(unit), piece_(piece), found_(found) {}

    void run() {
        for (const elf::Relocation& relocation : unit_.relocations(piece_)) {
            const uint32_t at = section_target(relocation);
            if (at == none)
                continue;
            if (const uint32_t before = ends_there(at, offset_of(relocation)); before != none)
                record(relocation, decide(relocation, before, at));
            else if (const uint32_t next = begins_behind(at, relocation); next != none)
                record(relocation, {at, next});
        }
    }

private:
    // The piece at the offset of a reference by section; `none` for any other reference.
    uint32_t section_target(const elf::Relocation& relocation) const {
        const elf::Symbol& symbol = unit_.object().symbol(relocation.symbol);
        if (relocation.symbol == 0 || !symbol.is_section() || symbol.place != elf::Place::section ||
            unit_.role(symbol.section) != Role::data)
            return none;
        const Reference reference = unit_.reference(piece_.section, relocation);
        return reference.to == Reference::To::piece && reference.offset >= 0 ? reference.id : none;
    }
    uint64_t offset_of(const elf::Relocation& relocation) const {
        const Reference reference = unit_.reference(piece_.section, relocation);
        return unit_.piece(reference.id).entry + static_cast<uint64_t>(reference.offset);
    }
    // The variable that ends at `offset`, where `at` begins.
    uint32_t ends_there(uint32_t at, uint64_t offset) const {
        const Piece& here = unit_.piece(at);
        const auto [first, last] = unit_.pieces_in(here.section);
        if (at == first || offset != here.start || is_linkers_table(unit_.object().section(here.section).name))
            return none;
        const Piece& before = unit_.piece(at - 1);
        return before.kind == PieceKind::variable && before.end == offset ? at - 1 : none;
    }
    // The variable behind the one at the offset of an indexed access, of which the index may be negative.
    uint32_t begins_behind(uint32_t at, const elf::Relocation& relocation) {
        const Piece& here = unit_.piece(at);
        const auto [first, last] = unit_.pieces_in(here.section);
        const uint64_t offset = offset_of(relocation);
        if (at + 1 >= last || offset == here.entry || here.end - std::min(offset, here.end) > index_reach ||
            piece_.kind != PieceKind::function)
            return none;
        const arch::FieldUse use = use_of(relocation);
        const bool is_indexed = use == arch::FieldUse::indexed || use == arch::FieldUse::indexed_taken;
        const uint32_t next = is_padding(unit_, at + 1) && at + 2 < last ? at + 2 : at + 1;
        return is_indexed && unit_.piece(next).kind == PieceKind::variable ? next : none;
    }

    // `before` ends where `at` begins.
    Boundary decide(const elf::Relocation& relocation, uint32_t before, uint32_t at) {
        if (is_padding(unit_, at))
            return {before, none};
        if (piece_.kind != PieceKind::function)
            return decide_in_data(relocation, before, at);
        switch (use_of(relocation)) {
        case arch::FieldUse::access:
            return {at, none};
        case arch::FieldUse::compared:
            return by_comparison(relocation, {instruction_of(relocation)}, before, at);
        case arch::FieldUse::taken: {
            const arch::AddressUses uses = follow(relocation);
            if (uses.is_accessed_there)
                return {at, none};
            return by_comparison(relocation, uses.compared_at, before, at);
        }
        case arch::FieldUse::part:
            return by_lower_parts(relocation, before, at);
        default:
            return {at, before};
        }
    }

    // Of the upper part of an address: what all instructions of the function mean that complete it.
    Boundary by_lower_parts(const elf::Relocation& relocation, uint32_t before, uint32_t at) {
        std::optional<Boundary> decided;
        for (const elf::Relocation& other : unit_.relocations(piece_)) {
            if (other.symbol != relocation.symbol || other.addend != relocation.addend ||
                use_of(other) == arch::FieldUse::part)
                continue;
            const Boundary boundary = decide(other, before, at);
            if (decided && (decided->meant != boundary.meant || decided->rival != boundary.rival))
                return {at, before};
            decided = boundary;
        }
        return decided.value_or(Boundary{at, before});
    }

    // A table that names one of the two beside names no other.
    Boundary decide_in_data(const elf::Relocation& relocation, uint32_t before, uint32_t at) {
        const bool has_first = refers_elsewhere(relocation, before);
        const bool has_second = refers_elsewhere(relocation, at);
        if (has_first && has_second)
            return {at, before};
        return {has_first ? before : at, none};
    }
    // Does a reference at another place of this piece name `target` without doubt?
    bool refers_elsewhere(const elf::Relocation& relocation, uint32_t target) {
        return std::ranges::any_of(mentions_of(target), [&](const Mention& it) {
            return it.is_certain && it.relocation->offset != relocation.offset;
        });
    }

    // References of this piece that mean, or may mean, another one.
    struct Mention {
        const elf::Relocation* relocation = nullptr;
        bool is_certain = false;
    };
    std::span<const Mention> mentions_of(uint32_t target) {
        if (!has_read_mentions_)
            read_mentions();
        const auto found = mentions_.find(target);
        return found == mentions_.end() ? std::span<const Mention>() : std::span<const Mention>(found->second);
    }
    void read_mentions() {
        has_read_mentions_ = true;
        for (const elf::Relocation& relocation : unit_.relocations(piece_)) {
            const Reference reference = unit_.reference(piece_.section, relocation);
            if (reference.to != Reference::To::piece)
                continue;
            const uint32_t before = ends_there(reference.id, offset_of(relocation));
            mentions_[reference.id].push_back({&relocation, before == none});
            if (before != none && section_target(relocation) != none)
                mentions_[before].push_back({&relocation, false});
        }
    }

    // Only pointers into one object are compared: of two references that may each mean two things, those that meet in
    // a comparison mean what both may mean.
    Boundary by_comparison(const elf::Relocation& relocation, const std::vector<size_t>& compared, uint32_t before,
                           uint32_t at) {
        const bool is_first = is_compared_with(relocation, before, compared);
        const bool is_second = is_compared_with(relocation, at, compared);
        if (is_first == is_second)
            return {at, before};
        return {is_first ? before : at, none};
    }
    // Does an address that may be of `target` get to one of those comparisons?
    bool is_compared_with(const elf::Relocation& relocation, uint32_t target, const std::vector<size_t>& compared) {
        return !compared.empty() && std::ranges::any_of(mentions_of(target), [&](const Mention& other) {
            return other.relocation->offset != relocation.offset && meets(*other.relocation, compared);
        });
    }
    bool meets(const elf::Relocation& relocation, const std::vector<size_t>& compared) {
        auto is_one = [&](size_t where) { return std::ranges::find(compared, where) != compared.end(); };
        switch (use_of(relocation)) {
        case arch::FieldUse::compared:
            return is_one(instruction_of(relocation));
        case arch::FieldUse::taken:
            return std::ranges::any_of(follow(relocation).compared_at, is_one);
        default:
            return false;
        }
    }

    size_t instruction_of(const elf::Relocation& relocation) {
        if (code_.empty())
            code_ = read_instructions(unit_, piece_);
        return instruction_at(code_, relocation.offset);
    }
    arch::FieldUse use_of(const elf::Relocation& relocation) {
        const size_t at = instruction_of(relocation);
        if (at >= code_.size())
            return arch::FieldUse::unknown;
        return arch::field_use(unit_.machine(), code_[at], relocation);
    }
    arch::AddressUses follow(const elf::Relocation& relocation) {
        return arch::follow_address(unit_.machine(), code_, instruction_of(relocation),
                                    [&](const arch::Instruction& it) { return unit_.leaves(piece_, it); });
    }
    void record(const elf::Relocation& relocation, Boundary boundary) {
        found_[piece_.section][relocation.offset] = boundary;
    }

    const Unit& unit_;
    const Piece& piece_;
    Boundaries& found_;
    bool has_read_mentions_ = false;
    std::unordered_map<uint32_t, std::vector<Mention>> mentions_; // by the piece that is meant
    Instructions code_;
};

// A compiler leaves out what nobody refers to: if one reference alone may mean a local variable, it does.
void decide_by_need(const Unit& unit, Boundaries& boundaries) {
    std::vector<unsigned> certain(unit.pieces().size(), 0);
    std::vector<unsigned> open(unit.pieces().size(), 0);
    for (const elf::RelocationTable& table : unit.object().relocation_tables())
        for (const elf::Relocation& relocation : table.entries) {
            const Reference reference = unit.reference(table.target, relocation);
            if (reference.to != Reference::To::piece)
                continue;
            const Boundary* boundary = nullptr;
            if (auto section = boundaries.find(table.target); section != boundaries.end())
                if (auto found = section->second.find(relocation.offset); found != section->second.end())
                    boundary = &found->second;
            if (!boundary || boundary->rival == none) {
                ++certain[boundary ? boundary->meant : reference.id];
                continue;
            }
            ++open[boundary->meant];
            ++open[boundary->rival];
        }
    auto is_needed = [&](uint32_t piece) {
        return certain[piece] == 0 && open[piece] == 1 && unit.is_local(unit.piece(piece));
    };
    for (auto& [section, places] : boundaries)
        for (auto& [offset, boundary] : places) {
            if (boundary.rival == none || is_needed(boundary.meant) == is_needed(boundary.rival))
                continue;
            boundary = {is_needed(boundary.meant) ? boundary.meant : boundary.rival, none};
        }
}

} // namespace

Boundaries find_boundaries(const Unit& unit) {
    Boundaries found;
    for (uint32_t index = 0; index < unit.pieces().size(); ++index)
        Finder(unit, unit.piece(index), found).run();
    if (!found.empty())
        decide_by_need(unit, found);
    return found;
}

} // namespace klp::diff
