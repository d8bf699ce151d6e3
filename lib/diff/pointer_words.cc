#include "diff/pointer_words.h"

#include <algorithm>

namespace klp::diff {

namespace {

constexpr size_t word_size = 8;

enum class Word : uint8_t { zero, number, pointer, meant };
using Words = std::vector<Word>;

Words words_of(const Unit& unit, const Piece& table, std::span<const uint32_t> pointed) {
    const elf::Bytes bytes = unit.bytes(table).subspan(table.entry - table.start);
    Words words(bytes.size() / word_size, Word::zero);
    for (size_t at = 0; at < words.size(); ++at)
        if (std::ranges::any_of(bytes.subspan(at * word_size, word_size),
                                [](std::byte one) { return one != std::byte{0}; }))
            words[at] = Word::number;
    for (const elf::Relocation& relocation : unit.relocations(table)) {
        const uint64_t at = (relocation.offset - table.entry) / word_size;
        if (relocation.offset < table.entry || at >= words.size())
            continue;
        const Reference reference = unit.reference(table.section, relocation);
        const bool is_meant =
            reference.to == Reference::To::piece && std::ranges::find(pointed, reference.id) != pointed.end();
        words[at] = is_meant ? Word::meant : Word::pointer;
    }
    return words;
}

// In an entry of so many words.
bool has(const Words& words, size_t entry, size_t column, Word what) {
    for (size_t at = column; at < words.size(); at += entry)
        if (words[at] == what)
            return true;
    return false;
}

bool fits(const Words& words, size_t entry) {
    for (size_t column = 0; column < entry; ++column)
        if (has(words, entry, column, Word::number) &&
            (has(words, entry, column, Word::pointer) || has(words, entry, column, Word::meant)))
            return false;
    return true;
}

} // namespace

PointerWords::PointerWords(const Unit& unit, uint32_t table, std::span<const uint32_t> pointed) {
    const Piece& piece = unit.piece(table);
    const Words words = words_of(unit, piece, pointed);
    const std::optional<uint64_t> element = unit.element_size_of(piece);
    const bool is_known = element && *element != 0 && *element % word_size == 0;
    for (size_t entry = is_known ? *element / word_size : 1; entry <= words.size() && is_meant_.empty(); ++entry)
        if (words.size() % entry == 0 && fits(words, entry))
            for (size_t column = 0; column < entry; ++column)
                is_meant_.push_back(has(words, entry, column, Word::meant));
}

bool PointerWords::leads_there(int64_t offset) const {
    if (is_meant_.empty())
        return true;
    const auto bytes = static_cast<int64_t>(is_meant_.size() * word_size);
    return is_meant_[static_cast<size_t>((offset % bytes + bytes) % bytes) / word_size];
}

} // namespace klp::diff
