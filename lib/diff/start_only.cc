#include "diff/start_only.h"

#include "diff/function_uses.h"
#include "diff/piece_finding.h"

#include <algorithm>
#include <optional>

namespace klp::diff {

std::vector<report::Finding> find_start_only(const Pair& pair, const Changes& changes, const Options& options) {
    const Unit& original = pair.original;
    const auto runs_at_start = [&](uint32_t function) { return is_init_code(original, function); };
    std::vector<report::Finding> findings;
    std::optional<FunctionUses> uses;
    for (uint32_t index = 0; index < changes.replaced.size(); ++index) {
        const uint32_t before = pair.before(index);
        if (!changes.replaced[index] || before == none || pair.patched.piece(index).parent != none)
            continue;
        if (!uses)
            uses.emplace(original);
        const std::vector<uint32_t>& callers = uses->callers_of(before);
        if (uses->is_pointed_to(before) || uses->is_registered(before) || !std::ranges::all_of(callers, runs_at_start))
            continue;
        const Piece& piece = original.piece(before);
        const bool is_late = original.is_local(piece)
                                 ? !callers.empty()
                                 : options.is_used_only_at_start(original.object().symbol(piece.symbol));
        if (is_late)
            findings.push_back(warning_about(
                pair.patched, index, "diff.start-only",
                "only code that runs while the kernel or module starts calls it, and that has run: nobody gets to the "
                "new code",
                "do in a pre-patch callback what the new code would have done then"));
    }
    return findings;
}

} // namespace klp::diff
