#include "diff/storage_conflicts.h"

#include "diff/piece_finding.h"
#include "diff/storage.h"

#include <fmt/format.h>

#include <elf.h>
#include <unordered_set>

namespace klp::diff {

namespace {

class StorageConflicts {
public:
    explicit StorageConflicts(const Pair& pair) : pair_(pair) {}

    // Of a variable of the running kernel that `from`, which comes along, refers to.
    void check(uint32_t piece, uint32_t from) {
        const Piece& before = pair_.original.piece(pair_.before(piece));
        const Piece& after = pair_.patched.piece(piece);
        const StorageChange change = storage_change(pair_.original, before, pair_.patched, after);
        if (change == StorageChange::same || !checked_.insert(piece).second)
            return;
        const std::string what = describe(before, after);
        if (change == StorageChange::harmless)
            findings_.push_back(
                note_about(pair_.patched, piece, "diff.storage-kept",
                           fmt::format("{}; patched code uses the running kernel's, which serves as well", what)));
        else
            findings_.push_back(error_about(
                pair_.patched, piece, "diff.storage-changed",
                fmt::format("{}; {} relies on that, and the running kernel's variable is and stays what it was", what,
                            pair_.patched.title(from)),
                "leave the variable as it is, and give what the patch needs another name"));
    }
    // Of any other one: its users go by its address, which the running kernel has already.
    void check_unused(uint32_t piece) {
        const uint32_t partner = pair_.before(piece);
        const Piece& after = pair_.patched.piece(piece);
        if (partner == none || after.kind != PieceKind::variable || after.identity != Identity::kept ||
            pair_.is_left_out(piece) || checked_.contains(piece))
            return;
        const Piece& before = pair_.original.piece(partner);
        if (storage_change(pair_.original, before, pair_.patched, after) != StorageChange::different)
            return;
        if (storage_of(pair_.original, before) == storage_of(pair_.patched, after))
            findings_.push_back(warning_about(
                pair_.patched, piece, "diff.alignment-kept",
                "its alignment grows, and no code changes with it; the running kernel's variable stays where it is",
                {}));
        else
            findings_.push_back(error_about(
                pair_.patched, piece, "diff.storage-changed",
                describe(before, after) + ", and no code changes with it; the running kernel's variable is and stays "
                                          "what it was",
                "take this change out of the patch, or have the code that uses the variable use a new one of another "
                "name"));
    }

    std::vector<report::Finding> take() { return std::move(findings_); }

private:
    std::string describe(const Piece& before, const Piece& after) const {
        const Storage was = storage_of(pair_.original, before);
        const Storage is = storage_of(pair_.patched, after);
        if (was == is)
            return "its alignment grows";
        return fmt::format("it was {} ({}) and is {} now ({})", to_string(was),
                           pair_.original.object().section(before.section).name, to_string(is),
                           pair_.patched.object().section(after.section).name);
    }

    const Pair& pair_;
    std::unordered_set<uint32_t> checked_;
    std::vector<report::Finding> findings_;
};

} // namespace

std::vector<report::Finding> find_storage_conflicts(const Pair& pair, const Selection& selection) {
    StorageConflicts conflicts(pair);
    for (uint32_t index : selection.routing.order())
        for (const RoutedReference& it : selection.routing.with_entries(index))
            if (it.route == Route::original && pair.patched.piece(it.reference.id).kind == PieceKind::variable)
                conflicts.check(it.reference.id, index);
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index)
        if (!selection.included[index])
            conflicts.check_unused(index);
    return conflicts.take();
}

std::vector<report::Finding> find_decrypted_data(const Unit& patched, const Selection& selection) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const Piece& piece = patched.piece(index);
        const std::string_view section = patched.object().section(piece.section).name;
        const bool is_variable = piece.kind == PieceKind::variable && piece.is_own_section;
        if (selection.included[index] && is_variable && arch::is_decrypted(section))
            findings.push_back(error_about(
                patched, index, "diff.decrypted-data",
                fmt::format("it is new and in {}, memory that vmlinux shares with the hypervisor from its start on; a "
                            "module has none",
                            section),
                "keep it in ordinary memory, or decrypt its pages in a pre-patch callback (set_memory_decrypted())"));
    }
    return findings;
}

std::vector<report::Finding> find_init_data(const Unit& patched, const Selection& selection) {
    std::vector<report::Finding> findings;
    std::unordered_set<uint32_t> seen;
    const auto is_init = [&](uint32_t piece) { return storage_of(patched, patched.piece(piece)) == Storage::init; };
    for (uint32_t index : selection.routing.order())
        for (const RoutedReference& it : selection.routing.with_entries(index)) {
            const uint32_t variable = it.reference.id;
            if (it.route != Route::inside || is_init(index) || patched.piece(variable).kind != PieceKind::variable ||
                !is_init(variable) || !seen.insert(variable).second)
                continue;
            const elf::Section& section = patched.object().section(patched.piece(variable).section);
            if (section.flags & SHF_WRITE)
                findings.push_back(warning_about(
                    patched, variable, "diff.init-data",
                    fmt::format(
                        "{} refers to it, and it is gone once the kernel or module has started ({}): the module "
                        "has a copy with its first value",
                        patched.title(index), section.name),
                    "check that the code is for the start only"));
        }
    return findings;
}

std::vector<report::Finding> find_late_protection(const Pair& pair) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        const uint32_t before = pair.before(index);
        const Piece& piece = pair.patched.piece(index);
        if (before == none || piece.kind != PieceKind::variable || piece.identity != Identity::kept ||
            storage_of(pair.patched, piece) != Storage::ro_after_init ||
            storage_of(pair.original, pair.original.piece(before)) != Storage::ordinary)
            continue;
        findings.push_back(
            warning_about(pair.patched, index, "diff.storage-late",
                          fmt::format("it is {} now; the running kernel's variable is not, and can still be written to",
                                      to_string(Storage::ro_after_init)),
                          {}));
    }
    return findings;
}

} // namespace klp::diff
