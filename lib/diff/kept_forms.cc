#include "diff/kept_forms.h"

#include "arch/kept_forms.h"
#include "diff/piece_finding.h"

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

std::vector<report::Finding> find_other_forms(const Pair& pair, const Selection& selection) {
    const std::vector<std::string> before = forms_of(pair.original);
    const std::vector<std::string> after = forms_of(pair.patched);
    std::vector<bool> differs(after.size(), false);
    for (uint32_t index = 0; index < differs.size(); ++index) {
        const uint32_t partner = pair.before(index);
        differs[index] =
            pair.patched.piece(index).kind == PieceKind::variable && partner != none && before[partner] != after[index];
    }
    std::vector<report::Finding> findings;
    for (uint32_t from : selection.routing.order())
        for (const RoutedReference& it : selection.routing.of(from)) {
            if (it.route != Route::original || !differs[it.reference.id])
                continue;
            differs[it.reference.id] = false; // said once
            findings.push_back(
                error_about(pair.patched, it.reference.id, "diff.storage-changed",
                            "the compiler keeps a part of it only (a flag for two values, or some of its members), and "
                            "takes what is kept for something else than the running kernel's code does",
                            "leave the values that it can have as they are, and give what is new a variable of its "
                            "own"));
        }
    return findings;
}

} // namespace klp::diff
