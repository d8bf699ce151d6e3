#include "diff/own_symbols.h"

#include <elf.h>
#include <optional>

namespace klp::diff {

namespace {

using elf::NewSymbol;

NewSymbol file_symbol(std::string_view name) {
    NewSymbol symbol;
    symbol.name = name;
    symbol.type = STT_FILE;
    symbol.place = elf::Place::absolute;
    return symbol;
}

NewSymbol moved(const elf::Symbol& symbol, const Piece& piece, const Spot& spot) {
    NewSymbol copy;
    copy.name = symbol.name;
    copy.value = symbol.value - piece.start + spot.offset;
    copy.size = symbol.size;
    copy.type = symbol.type;
    copy.other = symbol.other;
    copy.binding = symbol.binding;
    copy.place = elf::Place::section;
    copy.section = spot.section;
    return copy;
}

void make_local(NewSymbol& symbol) {
    if (symbol.binding != STB_LOCAL)
        symbol.other = static_cast<uint8_t>(symbol.other & ~3U); // hidden and protected are for globals
    symbol.binding = STB_LOCAL;
}

} // namespace

uint32_t add_section_symbol(elf::Builder& output, uint32_t section) {
    NewSymbol symbol;
    symbol.type = STT_SECTION;
    symbol.place = elf::Place::section;
    symbol.section = section;
    return output.add_symbol(std::move(symbol));
}

OwnSymbols add_own_symbols(const Pair& pair, const Selection& selection, const Layout& layout, elf::Builder& output) {
    OwnSymbols own;
    own.sections.assign(output.sections.size(), 0);
    for (uint32_t section = 1; section < output.sections.size(); ++section)
        own.sections[section] = add_section_symbol(output, section);
    const Unit& patched = pair.patched;
    own.symbols.assign(patched.object().symbols().size(), 0);
    std::optional<NewSymbol> file; // the FILE symbol that the next local one stands under
    for (const elf::Symbol& symbol : patched.object().symbols()) {
        if (symbol.is_file()) {
            file = file_symbol(symbol.name);
            continue;
        }
        const uint32_t piece = symbol.place == elf::Place::section ? patched.piece_of_symbol(symbol.index) : none;
        const bool is_wanted =
            piece != none && selection.included[piece] && !symbol.is_section() && !patched.machine().is_mark(symbol);
        if (!is_wanted)
            continue;
        if (file && symbol.is_local()) {
            output.add_symbol(std::move(*file));
            file.reset();
        }
        NewSymbol copy = moved(symbol, patched.piece(piece), layout.pieces[piece]);
        if (pair.before(piece) != none)
            make_local(copy);
        own.symbols[symbol.index] = output.add_symbol(std::move(copy));
    }
    return own;
}

} // namespace klp::diff
