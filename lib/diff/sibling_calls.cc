#include "diff/sibling_calls.h"

#include "arch/sibling_calls.h"

#include <fmt/format.h>

#include <set>
#include <string>

namespace klp::diff {

std::vector<report::Finding> find_sibling_calls(const Unit& patched, const std::vector<bool>& included,
                                                const Selector& selector, const Options& options) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        if (!included[index] || piece.kind != PieceKind::function)
            continue;
        std::set<std::string> callees;
        for (const elf::Relocation& relocation : patched.relocations(piece)) {
            const Reference reference = patched.reference(piece.section, relocation);
            const Route route = selector.route(reference, index, piece.section, relocation, false);
            if (route != Route::original && route != Route::external)
                continue;
            const std::string callee = reference.to == Reference::To::piece
                                           ? patched.title(reference.id)
                                           : std::string(patched.object().symbol(reference.id).name);
            const elf::Bytes section = patched.object().section(piece.section).data;
            if (arch::loses_toc(patched.machine(), section, relocation, callee) && !options.is_provided(callee))
                callees.insert(callee);
        }
        for (const std::string& callee : callees)
            findings.push_back(
                {"diff.sibling-call", report::Severity::error, patched.object().name(), patched.title(index),
                 fmt::format("it ends in a jump to {}, which is not part of the live patch; on this machine only a call "
                             "can leave a module, since r2 has to be restored after it",
                             callee),
                 "give the function __attribute__((optimize(\"-fno-optimize-sibling-calls\"))) in the patch"});
    }
    return findings;
}

} // namespace klp::diff
