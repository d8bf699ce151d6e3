#include "diff/kept_forms.h"

#include "arch/kept_forms.h"
#include "diff/piece_finding.h"

#include <set>
#include <string>

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
    std::set<uint32_t> used; // patched variables for which the running kernel's are taken
    for (uint32_t from : selection.routing.order())
        for (const RoutedReference& it : selection.routing.of(from))
            if (it.route == Route::original && pair.patched.piece(it.reference.id).kind == PieceKind::variable)
                used.insert(it.reference.id);
    if (used.empty())
        return {}; // most units of a wide header: their debug data need not be read
    const std::vector<std::string> before = forms_of(pair.original);
    const std::vector<std::string> after = forms_of(pair.patched);
    std::vector<report::Finding> findings;
    for (uint32_t piece : used)
        if (before[pair.before(piece)] != after[piece])
            findings.push_back(
                error_about(pair.patched, piece, "diff.storage-changed",
                            "the compiler keeps a part of it only (a flag for two values, or some of its members), and "
                            "takes what is kept for something else than the running kernel's code does",
                            "leave the values that it can have as they are, and give what is new a variable of its "
                            "own"));
    return findings;
}

} // namespace klp::diff
