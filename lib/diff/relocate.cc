#include "diff/relocate.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::diff {

namespace {

class Relocator {
public:
    Relocator(Draft& draft, KernelReferences& kernel)
        : draft_(draft), kernel_(kernel), patched_(draft.pair.patched), object_(patched_.object()) {}

    void relocate_piece(uint32_t index) {
        const Piece& piece = patched_.piece(index);
        const Spot& spot = draft_.layout.pieces[index];
        std::vector<elf::Relocation> translated;
        for (const RoutedReference& it : draft_.selection.routing.of(index)) {
            const arch::RelocationKind kind = patched_.machine().relocation(it.relocation->type);
            if (kind.form == arch::Form::none && kind.is_known)
                continue;
            elf::Relocation moved = translate(it, piece.section, index);
            moved.offset = it.relocation->offset - piece.start + spot.offset;
            // What the assembler had put there counts no more.
            const unsigned width = patched_.resolved_width(piece.section, it.relocation->offset);
            elf::NewSection& section = draft_.output.sections[spot.section];
            if (width != 0 && kind.width != 0)
                std::fill_n(section.data.begin() + static_cast<std::ptrdiff_t>(moved.offset), width, std::byte{0});
            translated.push_back(moved);
        }
        if (translated.empty())
            return;
        std::vector<elf::Relocation>& table = draft_.output.relocations_of(spot.section).entries;
        table.insert(table.end(), translated.begin(), translated.end());
    }

    void relocate_entry(const KeptEntry& kept, const Spot& spot) {
        for (const RoutedReference& it : draft_.selection.routing.of(kept.entry)) {
            elf::Relocation moved = *it.relocation;
            if (patched_.is_own_place(kept.entry, moved)) {
                moved.symbol = draft_.own.sections[spot.section];
                moved.addend = static_cast<int64_t>(patched_.named_offset(moved) - kept.entry.start + spot.offset);
            } else {
                moved = translate(it, kept.entry.section, kept.owner);
            }
            moved.offset = it.relocation->offset - kept.entry.start + spot.offset;
            draft_.output.relocations_of(spot.section).entries.push_back(moved);
        }
    }

private:
    // But for the offset.
    elf::Relocation translate(const RoutedReference& it, uint32_t section, uint32_t from) {
        check_lost(it, from);
        elf::Relocation result = *it.relocation;
        const int64_t bias = bias_of(it, section);
        switch (it.route) {
        case Route::nothing:
            result.symbol = 0;
            break;
        case Route::inside:
            point_inside(it, bias, result);
            break;
        case Route::literal: {
            const Spot spot = draft_.layout.of_literal(it.reference);
            result.symbol = draft_.own.sections[spot.section];
            result.addend = difference(static_cast<int64_t>(spot.offset), bias);
            break;
        }
        case Route::entry: {
            const Spot* spot = spot_of_entry(it);
            if (!spot)
                return result; // refused
            result.symbol = draft_.own.sections[spot->section];
            result.addend = difference(sum(static_cast<int64_t>(spot->offset), it.reference.offset), bias);
            break;
        }
        case Route::original: {
            const Unit& original = draft_.pair.original;
            const elf::Symbol& target = original.object().symbol(it.original_symbol);
            const Piece& piece = original.piece(draft_.pair.before(it.reference.id));
            result.symbol = kernel_.symbol_of(it, from);
            result.addend =
                difference(difference(it.reference.offset, bias), static_cast<int64_t>(target.value - piece.entry));
            break;
        }
        case Route::external:
            result.symbol = kernel_.symbol_of(it, from);
            break;
        }
        return result;
    }

    // Where the entry went that is meant, or nullptr if it did not come along.
    const Spot* spot_of_entry(const RoutedReference& it) const {
        const SpecialEntry& wanted = patched_.entry(it.reference.id);
        const auto place = [](const SpecialEntry& entry) { return std::pair(entry.section, entry.start); };
        const auto found = std::ranges::lower_bound(draft_.kept.entries, place(wanted), {},
                                                    [&](const KeptEntry& kept) { return place(kept.entry); });
        if (found == draft_.kept.entries.end() || place(found->entry) != place(wanted))
            return nullptr;
        return &draft_.layout.entries[static_cast<size_t>(found - draft_.kept.entries.begin())];
    }

    int64_t bias_of(const RoutedReference& it, uint32_t section) const {
        // Resolved by the assembler: the addend is ours to make.
        const uint32_t around = it.relocation->symbol == 0 ? patched_.piece_at(section, it.relocation->offset) : none;
        return around == none
                   ? it.reference.bias
                   : patched_.machine().addend_bias(patched_.code_of(patched_.piece(around)), *it.relocation);
    }

    void point_inside(const RoutedReference& it, int64_t bias, elf::Relocation& result) const {
        const uint32_t used = it.relocation->symbol;
        if (used != 0 && draft_.own.symbols[used] != 0 && !object_.symbol(used).is_section()) {
            result.symbol = draft_.own.symbols[used];
            return;
        }
        const Piece& target = patched_.piece(it.reference.id);
        const Spot& spot = draft_.layout.pieces[it.reference.id];
        const int64_t offset =
            sum(static_cast<int64_t>(spot.offset + (target.entry - target.start)), it.reference.offset);
        result.symbol = draft_.own.sections[spot.section];
        result.addend = difference(offset, bias);
    }

    void check_lost(const RoutedReference& it, uint32_t from) {
        const elf::Symbol& symbol = object_.symbol(it.relocation->symbol);
        const arch::RelocationKind kind = patched_.machine().relocation(it.relocation->type);
        if (!kind.is_known)
            draft_.refuse(error_about(patched_, from, "diff.relocation-unknown",
                                      fmt::format("it has a relocation of type {}, which this tool does not know",
                                                  it.relocation->type),
                                      "please report it with the compiler's version"),
                          from);
        else if (is_lost(it) && kind.form != arch::Form::none && it.relocation->symbol != 0 &&
                 symbol.place == elf::Place::section)
            draft_.refuse(error_about(patched_, from, "diff.reference-lost",
                                      fmt::format("it refers to section {}, which a live patch cannot take along",
                                                  object_.section(symbol.section).name),
                                      "leave the function out with KLP_IGNORE_FUNCTION(), or change the patch so that "
                                      "the reference goes away"),
                          from);
    }

    bool is_lost(const RoutedReference& it) const {
        return it.route == Route::nothing || (it.route == Route::entry && !spot_of_entry(it));
    }

    Draft& draft_;
    KernelReferences& kernel_;
    const Unit& patched_;
    const elf::Object& object_;
};

} // namespace

void relocate(Draft& draft, KernelReferences& kernel) {
    Relocator relocator(draft, kernel);
    for (uint32_t index = 0; index < draft.pair.patched.pieces().size(); ++index)
        if (draft.selection.included[index])
            relocator.relocate_piece(index);
    for (size_t number = 0; number < draft.kept.entries.size(); ++number)
        relocator.relocate_entry(draft.kept.entries[number], draft.layout.entries[number]);
}

} // namespace klp::diff
