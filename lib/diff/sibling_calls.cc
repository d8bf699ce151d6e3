#include "diff/sibling_calls.h"

#include "arch/sibling_calls.h"
#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <set>
#include <string>

namespace klp::diff {

std::vector<report::Finding> find_sibling_calls(const Unit& patched, const Selection& selection,
                                                const KernelSymbols& kernel) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        if (!selection.included[index] || piece.kind != PieceKind::function)
            continue;
        const elf::Bytes section = patched.object().section(piece.section).data;
        std::set<std::string> callees;
        for (const RoutedReference& it : selection.routing.of(index)) {
            if (it.route != Route::original && it.route != Route::external)
                continue;
            const std::string callee = patched.target_name(it.reference);
            if (arch::loses_toc(patched.machine(), section, *it.relocation, callee) && !kernel.is_of_patch(callee))
                callees.insert(callee);
        }
        for (const std::string& callee : callees)
            findings.push_back(error_about(
                patched, index, "diff.sibling-call",
                fmt::format("it ends in a jump to {}, which is not part of the live patch; on this machine only a call "
                            "can leave a module, since r2 has to be restored after it",
                            callee),
                "give the function __attribute__((optimize(\"-fno-optimize-sibling-calls\"))) in the patch"));
    }
    return findings;
}

} // namespace klp::diff
