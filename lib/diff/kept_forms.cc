#include "diff/kept_forms.h"

#include "arch/kept_forms.h"

#include <algorithm>

namespace klp::diff {

namespace {

std::vector<std::string> forms_of(const Unit& unit) {
    std::vector<std::string> forms(unit.pieces().size());
    for (const auto& [place, form] : arch::kept_forms(unit.object()))
        if (const uint32_t piece = unit.piece_at(place.first, place.second); piece != none)
            forms[piece] += form;
    return forms;
}

} // namespace

std::vector<report::Finding> find_other_forms(const Unit& original, const Unit& patched, const Correlation& correlation,
                                              const std::vector<bool>& included) {
    const std::vector<std::string> before = forms_of(original);
    const std::vector<std::string> after = forms_of(patched);
    std::vector<bool> differs(patched.pieces().size(), false);
    for (uint32_t index = 0; index < differs.size(); ++index) {
        const uint32_t partner = correlation.to_original[index];
        differs[index] = patched.piece(index).kind == PieceKind::variable && partner != none && !included[index] &&
                         before[partner] != after[index];
    }
    std::vector<report::Finding> findings;
    if (std::ranges::find(differs, true) == differs.end())
        return findings;
    for (uint32_t from = 0; from < differs.size(); ++from) {
        if (!included[from])
            continue;
        for (const elf::Relocation& relocation : patched.relocations(patched.piece(from))) {
            const Reference reference = patched.reference(patched.piece(from).section, relocation);
            if (reference.to != Reference::To::piece || !differs[reference.id])
                continue;
            differs[reference.id] = false;
            findings.push_back({"diff.storage-changed", report::Severity::error, patched.object().name(),
                                patched.title(reference.id),
                                "the compiler keeps a part of it only (a flag for two values, or some of its members), "
                                "and takes what is kept for something else than the running kernel's code does",
                                "leave the values that it can have as they are, and give what is new a variable of its "
                                "own"});
        }
    }
    return findings;
}

} // namespace klp::diff
