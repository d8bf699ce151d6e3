#include "diff/tables.h"

#include "diff/new_tracepoints.h"
#include "diff/piece_finding.h"
#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>

namespace klp::diff {

namespace {

// A variable that was given a section of its own (DEFINE_SCHED_CLASS) and points to a function: the kernel has both,
// and whoever calls through it gets to the new code.
bool is_variables_pointer(const Pair& pair, uint32_t section, const elf::Relocation& relocation) {
    const uint32_t around = pair.patched.piece_at(section, relocation.offset);
    if (around == none || pair.patched.piece(around).symbol == 0 ||
        pair.patched.reference(section, relocation).offset != 0)
        return false;
    return pair.patched.object().symbol(pair.patched.piece(around).symbol).type == STT_OBJECT &&
           pair.before(around) != none;
}

// Of .init_array or .fini_array: sanitizers register the unit's data there.
bool names_made_constructors(const Unit& unit, const Piece& piece) {
    const auto entries = unit.relocations(piece);
    return !entries.empty() && std::ranges::all_of(entries, [&](const elf::Relocation& entry) {
        const Reference reference = unit.reference(piece.section, entry);
        return reference.to == Reference::To::piece && is_made_constructor(unit.name(unit.piece(reference.id)));
    });
}

} // namespace

std::vector<report::Finding> find_late_registries(const Pair& pair, const Changes& changes) {
    const Unit& patched = pair.patched;
    const NewTracepoints tracepoints(pair);
    std::vector<report::Finding> findings = tracepoints.findings();
    for (const std::string& name : changes.registries)
        if (!pair.macros.ignored_sections.contains(name) && !tracepoints.fill(name))
            findings.push_back(
                {"diff.registry-changed",
                 report::Severity::warning,
                 patched.object().name(),
                 name,
                 "the patch changes its entries, but it is read when the kernel or module starts; they have no effect",
                 {}});
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        const Role role = patched.role(piece.section);
        if (pair.before(index) != none || (role != Role::registry && role != Role::unknown) ||
            is_nameless_entry(patched, piece) || tracepoints.own(patched.name(piece)) ||
            names_made_constructors(patched, piece) ||
            pair.macros.ignored_sections.contains(std::string(patched.object().section(piece.section).name)) ||
            (role == Role::unknown && is_referred_to(patched, index)))
            continue;
        findings.push_back(warning_about(
            patched, index, "diff.registry-added",
            fmt::format("it is new, but {} {}; it has no effect", patched.object().section(piece.section).name,
                        role == Role::registry ? "is read when the kernel or module starts"
                                               : "is a table that was put together when the kernel or "
                                                 "module was linked, and nothing refers to it"),
            {}));
    }
    return findings;
}

std::vector<report::Finding> find_unknown_sections(const Pair& pair, const Selection& selection) {
    const Unit& patched = pair.patched;
    std::vector<report::Finding> findings;
    for (const elf::Section& section : patched.object().sections()) {
        if (patched.role(section.index) != Role::unknown ||
            pair.macros.ignored_sections.contains(std::string(section.name)))
            continue;
        for (const elf::Relocation& relocation : patched.object().relocations(section.index)) {
            const Reference reference = patched.reference(section.index, relocation);
            const bool is_kept = reference.to == Reference::To::piece && selection.included[reference.id] &&
                                 patched.piece(reference.id).kind == PieceKind::function;
            if (!is_kept || is_variables_pointer(pair, section.index, relocation))
                continue;
            findings.push_back(error_about(
                patched, reference.id, "diff.unknown-section",
                fmt::format(
                    "section {} refers to it, and this tool does not know what the kernel does with that section",
                    section.name),
                "if the section does not matter for the patched code, leave it out with KLP_IGNORE_SECTION(); "
                "otherwise please report it"));
            break;
        }
    }
    return findings;
}

} // namespace klp::diff
