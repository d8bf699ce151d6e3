#include "diff/start_only.h"

#include "diff/piece_finding.h"

namespace klp::diff {

namespace {

// What the unit says of its functions.
struct Uses {
    bool is_called_at_start = false;
    bool is_used = false; // in any other way
};

std::vector<Uses> uses_of(const Unit& unit) {
    std::vector<Uses> uses(unit.pieces().size());
    for (uint32_t index = 0; index < uses.size(); ++index) {
        const Piece& piece = unit.piece(index);
        if (unit.role(piece.section) == Role::ignored)
            continue;
        const elf::Section& section = unit.object().section(piece.section);
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const Reference reference = unit.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || unit.root_of(reference.id) == unit.root_of(index) ||
                unit.piece(reference.id).kind != PieceKind::function)
                continue;
            const bool is_call = piece.kind == PieceKind::function && arch::is_init(section.name) &&
                                 unit.machine().is_branch(section.data, relocation);
            (is_call ? uses[reference.id].is_called_at_start : uses[reference.id].is_used) = true;
        }
    }
    return uses;
}

} // namespace

std::vector<report::Finding> find_start_only(const Pair& pair, const Changes& changes, const Options& options) {
    std::vector<report::Finding> findings;
    std::vector<Uses> uses;
    for (uint32_t index = 0; index < changes.replaced.size(); ++index) {
        const uint32_t before = pair.before(index);
        if (!changes.replaced[index] || before == none || pair.patched.piece(index).parent != none)
            continue;
        if (uses.empty())
            uses = uses_of(pair.original);
        const Piece& piece = pair.original.piece(before);
        if (uses[before].is_used)
            continue;
        const bool is_late = pair.original.is_local(piece)
                                 ? uses[before].is_called_at_start
                                 : options.is_used_only_at_start(pair.original.object().symbol(piece.symbol));
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
