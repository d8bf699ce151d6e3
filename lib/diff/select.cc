#include "diff/select.h"

#include "diff/ambiguous_references.h"
#include "diff/cfi_types.h"
#include "diff/changed_data.h"
#include "diff/common_symbols.h"
#include "diff/folded_state.h"
#include "diff/kept_forms.h"
#include "diff/left_out.h"
#include "diff/link_tables.h"
#include "diff/lost_state.h"
#include "diff/neighbours.h"
#include "diff/piece_finding.h"
#include "diff/read_only_writes.h"
#include "diff/sibling_calls.h"
#include "diff/storage_conflicts.h"
#include "diff/string_identity.h"
#include "diff/tables.h"
#include "diff/taken_names.h"
#include "diff/unpatchable.h"

#include <iterator>

namespace klp::diff {

namespace {

std::vector<report::Finding> note_through_callers(const Pair& pair, const Changes& changes) {
    std::vector<report::Finding> notes;
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        const bool is_whole = pair.patched.piece(index).kind == PieceKind::function &&
                              pair.patched.piece(index).parent == none && pair.before(index) != none;
        if (is_whole && changes.replaced[index] && changes.through_callers[index] &&
            !pair.macros.forced_functions.contains(index))
            notes.push_back(note_about(pair.patched, index, "diff.through-callers",
                                       "ftrace cannot hook it, so it is replaced together with its callers"));
    }
    return notes;
}

// What comes along only for the sake of `functions`.
std::vector<bool> only_for(const std::vector<uint32_t>& functions, const Pair& pair, const Changes& changes,
                           const KernelSymbols& kernel, const Selection& selection) {
    std::vector<bool> moot(selection.included.size(), false);
    if (functions.empty())
        return moot;
    Changes without = changes;
    for (uint32_t function : functions) {
        without.replaced[function] = false;
        for (uint32_t part : pair.patched.parts_of(function))
            without.replaced[part] = false;
    }
    const std::vector<bool> needed = follow(pair, without, kernel).included;
    for (size_t at = 0; at < moot.size(); ++at)
        moot[at] = selection.included[at] && !needed[at];
    return moot;
}

} // namespace

Selected select(const Pair& pair, const Changes& changes, const KernelSymbols& kernel) {
    Selected result{follow(pair, changes, kernel), note_through_callers(pair, changes), {}};
    const Selection& selection = result.selection;
    auto add = [&](std::vector<report::Finding> findings) {
        result.findings.insert(result.findings.end(), std::make_move_iterator(findings.begin()),
                               std::make_move_iterator(findings.end()));
    };
    add(find_storage_conflicts(pair, selection));
    add(find_decrypted_data(pair.patched, selection));
    add(find_init_data(pair.patched, selection));
    add(find_read_only_writes(pair, selection));
    add(find_changed_cfi_types(pair, selection));
    add(find_string_identity(pair, selection));
    add(find_ambiguous_references(pair, selection));
    Unpatchable unpatchable = find_unpatchable(pair, selection, kernel);
    result.moot = only_for(unpatchable.functions, pair, changes, kernel, selection);
    add(std::move(unpatchable.findings));
    add(find_tied_functions(pair.patched, selection));
    add(find_changed_aliases(pair));
    add(find_changed_data(pair, changes, selection));
    add(find_lost_state(pair, selection, kernel));
    add(find_left_out(pair, changes, selection));
    add(find_folded_state(pair, selection));
    add(find_other_forms(pair, selection));
    add(find_link_tables(pair, changes, selection));
    add(find_new_commons(pair, selection));
    add(find_taken_names(pair, selection, kernel));
    add(find_sibling_calls(pair.patched, selection, kernel));
    add(find_late_registries(pair, changes));
    add(find_late_protection(pair));
    add(find_unknown_sections(pair, selection));
    add(find_removed_functions(pair));
    return result;
}

} // namespace klp::diff
