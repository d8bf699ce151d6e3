#include "diff/read_only_writes.h"

#include "arch/address_flow.h"
#include "arch/special_sections.h"
#include "diff/instructions.h"
#include "diff/piece_finding.h"
#include "diff/storage.h"

#include <fmt/format.h>

#include <set>

namespace klp::diff {

namespace {

bool is_protected(const Unit& unit, uint32_t piece) {
    const Storage storage = storage_of(unit, unit.piece(piece));
    return unit.piece(piece).kind == PieceKind::variable &&
           (storage == Storage::read_only || storage == Storage::ro_after_init);
}

// The protected variables that the code of one piece writes to.
std::set<uint32_t> writes_of(const Unit& unit, uint32_t index) {
    const Piece& piece = unit.piece(index);
    std::set<uint32_t> written;
    Instructions code;
    for (const elf::Relocation& relocation : unit.relocations(piece)) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to != Reference::To::piece || !is_protected(unit, reference.id))
            continue;
        if (code.empty())
            code = read_instructions(unit, piece);
        const size_t at = instruction_at(code, relocation.offset);
        if (at < code.size() && arch::writes_to_field(code[at], relocation, unit.machine()))
            written.insert(reference.id);
    }
    return written;
}

} // namespace

std::vector<report::Finding> find_read_only_writes(const Pair& pair, const Selection& selection) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < selection.included.size(); ++index) {
        if (!selection.included[index] || pair.patched.piece(index).kind != PieceKind::function)
            continue;
        // What ran when the kernel started does not run again, and could write there then.
        if (arch::is_init(pair.patched.object().section(pair.patched.piece(index).section).name))
            continue;
        const uint32_t partner = pair.before(index);
        for (uint32_t variable : writes_of(pair.patched, index)) {
            if (partner != none && writes_of(pair.original, partner).contains(pair.before(variable)))
                continue;
            const Piece& target = pair.patched.piece(variable);
            findings.push_back(
                error_about(pair.patched, index, "diff.read-only-write",
                            fmt::format("it writes to {}, which is {} ({}): that is an oops",
                                        pair.patched.title(variable), to_string(storage_of(pair.patched, target)),
                                        pair.patched.object().section(target.section).name),
                            pair.before(variable) == none
                                ? "the variable is new, so nobody needs it to be read-only: leave __ro_after_init (or "
                                  "const) out"
                                : "leave the variable as it is, and change the functions that use it or that it points "
                                  "to"));
        }
    }
    return findings;
}

} // namespace klp::diff
