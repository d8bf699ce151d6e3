#include "diff/folded_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

namespace klp::diff {

namespace {

using Names = std::set<std::string_view>;

// What a compiler puts where nobody can write: among read-only data, or among constants that are merged.
std::unordered_set<std::string_view> constants_of(const Unit& unit) {
    std::unordered_set<std::string_view> names;
    for (const elf::Symbol& symbol : unit.object().symbols())
        if (symbol.place == elf::Place::section && symbol.is_local() && !symbol.is_section() && !symbol.is_file() &&
            arch::is_read_only(unit.object().section(symbol.section)))
            names.insert(symbol.name);
    return names;
}

// The variables that a function and its parts refer to and that `counts`.
template <typename Counts>
Names variables_of(const Unit& unit, uint32_t function, Counts counts) {
    Names names;
    std::vector<uint32_t> pieces = unit.parts_of(function);
    pieces.push_back(function);
    for (uint32_t index : pieces)
        for (const elf::Relocation& relocation : unit.relocations(unit.piece(index))) {
            const Reference reference = unit.reference(unit.piece(index).section, relocation);
            if (reference.to != Reference::To::piece)
                continue;
            const Piece& piece = unit.piece(reference.id);
            if (piece.kind == PieceKind::variable && piece.symbol != 0 && counts(piece))
                names.insert(unit.name(piece));
        }
    return names;
}

} // namespace

std::vector<report::Finding> find_folded_state(const Pair& pair, const Selection& selection) {
    std::vector<report::Finding> findings;
    const std::unordered_set<std::string_view> constants = constants_of(pair.patched);
    auto is_folded = [&](const Piece& piece) {
        const elf::Section& section = pair.original.object().section(piece.section);
        return pair.original.is_local(piece) && !arch::is_read_only(section) && !arch::is_init(section.name) &&
               piece.identity == Identity::kept && constants.contains(pair.original.name(piece));
    };
    Names said;
    for (uint32_t function = 0; function < selection.included.size(); ++function) {
        const uint32_t partner = pair.before(function);
        if (!selection.included[function] || partner == none || pair.patched.root_of(function) != function ||
            pair.patched.piece(function).kind != PieceKind::function || pair.macros.forced_functions.contains(function))
            continue;
        Names lost = variables_of(pair.original, partner, is_folded);
        if (!lost.empty())
            for (std::string_view name : variables_of(pair.patched, function, [](const Piece&) { return true; }))
                lost.erase(name);
        for (std::string_view name : lost)
            if (said.insert(name).second)
                findings.push_back(
                    {"diff.storage-changed", report::Severity::error, pair.patched.object().name(), std::string(name),
                     fmt::format("nothing writes it any more with the patch, so the compiler takes it for its initial "
                                 "value in {}; the running kernel may have another value in it",
                                 pair.patched.title(function)),
                     "keep what writes it, or, if the initial value is right for patched code, take each function that "
                     "used it in any case with KLP_FORCE_UNSAFE()"});
    }
    return findings;
}

} // namespace klp::diff
