#include "diff/changes.h"

#include "diff/callers.h"
#include "diff/data_users.h"

#include <algorithm>

namespace klp::diff {

namespace {

std::vector<bool> united(std::vector<bool> one, const std::vector<bool>& other) {
    for (size_t at = 0; at < one.size(); ++at)
        one[at] = one[at] || other[at];
    return one;
}

// Of a part: where the function that it goes with is.
std::string_view section_of(const Pair& pair, uint32_t index) {
    return pair.patched.object().section(pair.patched.piece(pair.patched.root_of(index)).section).name;
}

// A module's init function has two names, of which the source knows one: module_init() adds init_module.
bool is_settled(const Pair& pair, uint32_t index, const std::function<bool(std::string_view)>& is_untouched) {
    const uint32_t root = pair.patched.root_of(index);
    auto is_name_of_untouched = [&](uint32_t at) {
        const elf::Symbol& symbol = pair.patched.object().symbol(at);
        return symbol.is_function() && symbol.value == pair.patched.piece(root).entry && is_untouched(symbol.name);
    };
    return arch::is_init(section_of(pair, index)) &&
           std::ranges::any_of(pair.patched.symbols_of(root), is_name_of_untouched);
}

bool is_idle(const Pair& pair, uint32_t index, std::string_view owner) {
    return owner == "vmlinux" && arch::is_exit(section_of(pair, index));
}

// Variables of the kernel's that lead to the inside of a function that is replaced: into its old code, wherever the new
// one has the same place (`static const void *const table[] = {&&add, &&sub}` of a function that jumps by it).
std::vector<bool> find_leading_inside(const Pair& pair, const std::vector<bool>& functions) {
    const Unit& patched = pair.patched;
    std::vector<bool> found(patched.pieces().size(), false);
    for (uint32_t index = 0; index < found.size(); ++index) {
        const Piece& piece = patched.piece(index);
        if (piece.kind != PieceKind::variable || piece.identity != Identity::kept || pair.before(index) == none)
            continue;
        found[index] = std::ranges::any_of(patched.relocations(piece), [&](const elf::Relocation& relocation) {
            const Reference reference = patched.reference(piece.section, relocation);
            return reference.to == Reference::To::piece && reference.offset > 0 &&
                   patched.piece(reference.id).kind == PieceKind::function && functions[reference.id];
        });
    }
    return found;
}

struct Reached {
    DataChanges data;
    ReachedChanges functions;
    std::vector<bool> leads_inside; // Changes::leads_inside
};

// Functions that change bring data that changes, and that brings more functions.
Reached reach(const Pair& pair, const Comparison& comparison) {
    Reached reached;
    reached.leads_inside.assign(pair.patched.pieces().size(), false);
    for (;;) {
        reached.data = find_data_changes(pair, united(comparison.changed_data, reached.leads_inside));
        reached.functions = reach_through_callers(pair, united(comparison.changed_functions, reached.data.users));
        std::vector<bool> inside = united(reached.leads_inside, find_leading_inside(pair, reached.functions.functions));
        if (inside == reached.leads_inside)
            return reached;
        reached.leads_inside = std::move(inside);
    }
}

} // namespace

Changes find_changes(const Pair& pair, const Comparison& comparison, std::string_view owner,
                     const std::function<bool(std::string_view)>& is_untouched) {
    Changes changes;
    changes.registries = comparison.changed_registries;
    Reached reached = reach(pair, comparison);
    changes.data = united(united(comparison.changed_data, reached.leads_inside), reached.data.variables);
    changes.leads_inside = std::move(reached.leads_inside);
    changes.identities = std::move(reached.data.identities);
    changes.functions = std::move(reached.functions.functions);
    changes.through_callers = std::move(reached.functions.through_callers);
    const size_t count = pair.patched.pieces().size();
    changes.replaced.assign(count, false);
    changes.settled.assign(count, false);
    changes.idle.assign(count, false);
    changes.copied.assign(count, false);
    for (uint32_t index = 0; index < count; ++index) {
        const bool is_wanted = changes.functions[index] || pair.macros.forced_functions.contains(index);
        changes.settled[index] = changes.functions[index] && is_settled(pair, index, is_untouched);
        changes.idle[index] = is_wanted && is_idle(pair, index, owner);
        changes.replaced[index] =
            is_wanted && !pair.is_left_out(index) && !changes.settled[index] && !changes.idle[index];
        changes.copied[index] =
            changes.data[index] && is_copyable(pair.patched, index) && !changes.identities.contains(index);
    }
    return changes;
}

} // namespace klp::diff
