#include "diff/taken_names.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

namespace klp::diff {

std::vector<report::Finding> find_taken_names(const Pair& pair, const Selection& selection,
                                              const KernelSymbols& kernel) {
    const Unit& patched = pair.patched;
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        const bool is_new = selection.included[index] && piece.kind != PieceKind::fragment && piece.parent == none &&
                            pair.before(index) == none && !patched.is_local(piece) && !patched.is_comdat(piece.section);
        if (!is_new)
            continue;
        const symbols::Resolution& namesake = kernel.undefined(patched.name(piece));
        if (!is_found(namesake) || namesake.object != kernel.owner())
            continue;
        const bool is_function = piece.kind == PieceKind::function;
        findings.push_back(error_about(
            patched, index, "diff.name-taken",
            fmt::format("this unit newly defines it, but {} has a {} of that name from another unit already (a weak "
                        "one, or it moved here), and goes on with that one",
                        kernel.owner(), is_function ? "function" : "variable"),
            is_function ? "change the function where the kernel has it from, or give the new one another name and "
                          "change its callers"
                        : "leave the variable where it is, or give the new one another name"));
    }
    return findings;
}

} // namespace klp::diff
