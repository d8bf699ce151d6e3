#include "diff/runtime_constants.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::diff {

void read_runtime_constants(Draft& draft, KernelReferences& kernel) {
    const Unit& patched = draft.pair.patched;
    for (const KeptEntry& kept : draft.kept.constants) {
        const elf::Section& table = patched.object().section(kept.entry.section);
        const std::string_view name = table.name.substr(patched.table_of(kept.entry).kind->name.size());
        const elf::Relocation& tie = patched.relocations(kept.entry).front();
        const Piece& piece = patched.piece(kept.owner);
        const Spot& spot = draft.layout.pieces[kept.owner];
        const uint64_t place = spot.offset + (piece.entry - piece.start) +
                               static_cast<uint64_t>(patched.reference(kept.entry.section, tie).offset);
        std::optional<elf::Relocation> load =
            patched.machine().load_from_memory(draft.output.sections[spot.section].data, place);
        if (!load) {
            draft.refuse(error_about(patched, kept.owner, "diff.runtime-constant",
                                     fmt::format("the kernel writes the value of {} into its code at boot, which it "
                                                 "does not do for modules",
                                                 name),
                                     "leave the function out with KLP_IGNORE_FUNCTION() and patch its callers instead"),
                         kept.owner);
            continue;
        }
        load->symbol = kernel.variable(name, kept.owner);
        std::vector<elf::Relocation>& relocations = draft.output.relocations_of(spot.section).entries;
        relocations.insert(std::ranges::upper_bound(relocations, load->offset, {}, &elf::Relocation::offset), *load);
    }
}

} // namespace klp::diff
