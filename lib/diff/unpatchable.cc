#include "diff/unpatchable.h"

#include "diff/piece_finding.h"
#include "diff/storage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <elf.h>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace klp::diff {

namespace {

std::string_view section_of(const Unit& unit, uint32_t piece) {
    return unit.object().section(unit.piece(piece).section).name;
}

bool has_other_flags(const Pair& pair, uint32_t piece) {
    const elf::Section& before = pair.original.object().section(pair.original.piece(pair.before(piece)).section);
    const elf::Section& after = pair.patched.object().section(pair.patched.piece(piece).section);
    constexpr uint64_t compared = SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE;
    return (before.flags & compared) != (after.flags & compared);
}

std::string list(const std::vector<std::string>& names) {
    constexpr size_t most_named = 5;
    const size_t count = std::min(names.size(), most_named);
    const std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + std::ptrdiff_t(count), ", "));
    return names.size() > count ? fmt::format("{} and {} more", text, names.size() - count) : text;
}

// How to get around a function that ftrace cannot hook.
std::string way_around(const CallerNames& callers) {
    if (!callers.hookable.empty())
        return fmt::format("leave it as it is, put the changed code under another name into the files of its callers, "
                           "and have them call that, as klp-build --rewrite DIR does: {}{}",
                           list(callers.hookable),
                           callers.others.empty()
                               ? std::string()
                               : fmt::format("; of its callers ftrace cannot hook {}", list(callers.others)));
    if (!callers.others.empty())
        return fmt::format("ftrace cannot hook its callers either ({}): leave the change out of the live patch",
                           list(callers.others));
    return "change its callers instead, as klp-build --rewrite DIR does, or leave it out with KLP_IGNORE_FUNCTION()";
}

// What keeps the changed function from being redirected.
std::optional<report::Finding> obstacle(const Pair& pair, uint32_t piece, const KernelSymbols& kernel) {
    const Unit& patched = pair.patched;
    const uint32_t partner = pair.before(piece);
    const std::string_view section = section_of(patched, piece);
    const std::string_view old_section = section_of(pair.original, partner);
    if (kernel.defined(pair.original.piece(partner).symbol).is_overridden)
        return error_about(
            patched, piece, "diff.weak-overridden",
            "the patch changes it, but it is weak, and the running kernel has another unit's function of this "
            "name in its place: nobody would get to the change",
            "change the function that is in its place, or leave this one out with KLP_IGNORE_FUNCTION()");
    if (arch::is_init(section) || arch::is_init(old_section))
        return error_about(
            patched, piece, "diff.init-changed",
            fmt::format("the patch changes it, but it is in {} and runs only while the kernel or module starts",
                        old_section),
            "take the change out of the patch; or, if the new code works with what the old function made when it ran, "
            "leave the function out with KLP_IGNORE_FUNCTION() and do what is missing in a pre-patch callback, which "
            "klp-build --rewrite DIR writes or begins");
    const bool is_hookable = pair.original.has_ftrace_location(partner);
    if (!is_hookable && arch::is_exit(old_section))
        return error_about(
            patched, piece, "diff.exit-changed",
            "the patch changes it, but it is the module's exit code, which ftrace cannot hook",
            "leave it out with KLP_IGNORE_FUNCTION(), and undo in a post-unpatch callback what the old exit "
            "code leaves behind");
    if (!is_hookable)
        return error_about(patched, piece, "diff.no-ftrace",
                           fmt::format("it has no ftrace location ({}), so calls to it cannot be redirected",
                                       kernel.untraced_by().empty()
                                           ? "notrace, inline, assembly, or compiled without -pg"
                                           : kernel.untraced_by()),
                           way_around(kernel.callers_of(pair.original.piece(partner).symbol)));
    if (has_other_flags(pair, piece))
        return error_about(patched, piece, "diff.section-changed", "the attributes of its section changed",
                           "keep the function where it was");
    return std::nullopt;
}

// By symbol: the function or variable that begins there, or `none`.
uint32_t entered_by(const Unit& unit, const elf::Symbol& symbol) {
    const uint32_t piece = symbol.place == elf::Place::section ? unit.piece_of_symbol(symbol.index) : none;
    if (piece == none || symbol.is_local() || is_prefix_name(symbol.name) || unit.piece(piece).entry != symbol.value)
        return none;
    return symbol.is_function() || symbol.type == STT_OBJECT ? piece : none;
}

} // namespace

Unpatchable find_unpatchable(const Pair& pair, const Selection& selection, const KernelSymbols& kernel) {
    Unpatchable found;
    for (uint32_t piece : selection.changed)
        if (std::optional<report::Finding> finding = obstacle(pair, piece, kernel)) {
            found.functions.push_back(piece);
            found.findings.push_back(std::move(*finding));
        }
    return found;
}

std::vector<report::Finding> find_changed_aliases(const Pair& pair) {
    std::unordered_map<std::string_view, uint32_t> before;
    for (const elf::Symbol& symbol : pair.original.object().symbols())
        if (const uint32_t piece = entered_by(pair.original, symbol); piece != none)
            before.emplace(symbol.name, piece);
    std::vector<report::Finding> findings;
    for (const elf::Symbol& symbol : pair.patched.object().symbols()) {
        const uint32_t now = entered_by(pair.patched, symbol);
        const auto then = now == none ? before.end() : before.find(symbol.name);
        if (then == before.end() || pair.before(now) == then->second || pair.is_left_out(now) ||
            storage_change(pair.original, pair.original.piece(then->second), pair.patched, pair.patched.piece(now)) ==
                StorageChange::fresh)
            continue;
        const bool is_chief = pair.patched.name(pair.patched.piece(now)) == symbol.name;
        const bool is_function = pair.patched.piece(now).kind == PieceKind::function;
        const std::string other = is_chief ? pair.original.title(then->second) : pair.patched.title(now);
        findings.push_back(error_about(
            pair.patched, now, "diff.alias-changed",
            is_function
                ? fmt::format("{} is another name of {} in one of the units and a function of its own in the other; "
                              "ftrace cannot redirect one name alone",
                              symbol.name, other)
                : fmt::format("{} is another name of {} in one of the units only; what other units refer to by it the "
                              "running kernel has settled",
                              symbol.name, other),
            is_function ? "change the function under both names, or change its callers instead"
                        : "leave the name as it is, and have the changed functions use the variable that they mean"));
    }
    return findings;
}

std::vector<report::Finding> find_removed_functions(const Pair& pair) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < pair.original.pieces().size(); ++index) {
        const Piece& piece = pair.original.piece(index);
        const bool is_named = piece.kind == PieceKind::function && piece.parent == none &&
                              cold_parent(pair.original.name(piece)).empty() && !is_clone(pair.original.name(piece));
        const std::string_view section = section_of(pair.original, index);
        if (!is_named || pair.after(index) != none || arch::is_init(section) || arch::is_exit(section))
            continue;
        report::Finding note = note_about(
            pair.original, index, "diff.function-removed",
            "the patched unit no longer has it (removed, renamed, or inlined wherever it was called); who still gets "
            "to it runs the old code");
        note.where = pair.patched.object().name();
        findings.push_back(std::move(note));
    }
    return findings;
}

} // namespace klp::diff
