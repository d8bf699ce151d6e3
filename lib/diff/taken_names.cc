#include "diff/taken_names.h"

#include <fmt/format.h>

namespace klp::diff {

namespace {

bool is_of_owner(const symbols::Resolution& found, const std::string& owner) {
    using Kind = symbols::Resolution::Kind;
    return (found.kind == Kind::livepatch || found.kind == Kind::imported) && found.object == owner;
}

} // namespace

std::vector<report::Finding> find_taken_names(const Unit& patched, const Correlation& correlation,
                                              const std::vector<bool>& included, const Selector& selector,
                                              const Options& options) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        const bool is_new = included[index] && piece.kind != PieceKind::fragment && piece.parent == none &&
                            correlation.to_original[index] == none && !patched.is_local(piece) &&
                            !patched.is_comdat(piece.section);
        if (!is_new || !is_of_owner(selector.resolve_undefined(patched.name(piece)), options.owner))
            continue;
        const bool is_function = piece.kind == PieceKind::function;
        findings.push_back(
            {"diff.name-taken", report::Severity::error, patched.object().name(), patched.title(index),
             fmt::format("this unit newly defines it, but {} has a {} of that name from another unit already (a weak "
                         "one, or it moved here), and goes on with that one",
                         options.owner, is_function ? "function" : "variable"),
             is_function ? "change the function where the kernel has it from, or give the new one another name and "
                           "change its callers"
                         : "leave the variable where it is, or give the new one another name"});
    }
    return findings;
}

} // namespace klp::diff
