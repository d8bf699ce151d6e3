#include "diff/storage.h"

#include <elf.h>

namespace klp::diff {

Storage storage_of(const Unit& unit, const Piece& piece) {
    const elf::Section& section = unit.object().section(piece.section);
    const Role role = unit.role(piece.section);
    if (arch::is_init(section.name))
        return Storage::init;
    if (arch::is_exit(section.name))
        return Storage::exit;
    if (arch::is_per_cpu(section.name))
        return Storage::per_cpu;
    if (section.flags & SHF_TLS)
        return Storage::thread;
    if (arch::is_ro_after_init(section.name))
        return Storage::ro_after_init;
    if (piece.kind == PieceKind::variable && (role == Role::unknown || role == Role::registry))
        return Storage::table;
    return arch::is_read_only(section) ? Storage::read_only : Storage::ordinary;
}

namespace {

// Code may have become dependent on an alignment that the kernel's variable need not have.
bool is_more_aligned(const Unit& original_unit, const Piece& original, const Unit& patched_unit, const Piece& patched) {
    return original.is_own_section && patched.is_own_section &&
           patched_unit.content_end(patched) - patched.start == original_unit.content_end(original) - original.start &&
           patched_unit.object().section(patched.section).alignment >
               original_unit.object().section(original.section).alignment;
}

} // namespace

StorageChange storage_change(const Unit& original_unit, const Piece& original, const Unit& patched_unit,
                             const Piece& patched) {
    const Storage before = storage_of(original_unit, original);
    const Storage after = storage_of(patched_unit, patched);
    auto is_gone = [](Storage storage) { return storage == Storage::init || storage == Storage::exit; };
    if (is_gone(before))
        return is_gone(after) ? StorageChange::same : StorageChange::fresh;
    if (is_gone(after))
        return StorageChange::harmless;
    if (original.kind == PieceKind::function)
        return StorageChange::same;
    if (before == after) {
        const bool matters = is_more_aligned(original_unit, original, patched_unit, patched);
        return matters ? StorageChange::different : StorageChange::same;
    }
    const bool is_for_reading = after == Storage::read_only || after == Storage::ro_after_init;
    const bool is_plain = before == Storage::ordinary || before == Storage::ro_after_init;
    const bool was_for_reading = before == Storage::read_only && after == Storage::ro_after_init;
    if ((is_for_reading && is_plain) || was_for_reading)
        return StorageChange::harmless;
    return StorageChange::different;
}

std::string_view to_string(Storage storage) {
    switch (storage) {
    case Storage::ordinary:
        return "writable data";
    case Storage::read_only:
        return "read-only data";
    case Storage::ro_after_init:
        return "data that is read-only once the kernel has started";
    case Storage::per_cpu:
        return "per-cpu data";
    case Storage::thread:
        return "thread-local data";
    case Storage::init:
        return "data that is gone once the kernel or module has started";
    case Storage::exit:
        return "data of exit code";
    case Storage::table:
        return "an entry of a table";
    }
    return {};
}

} // namespace klp::diff
