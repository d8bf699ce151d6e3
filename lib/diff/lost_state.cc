#include "diff/lost_state.h"

#include "diff/instructions.h"
#include "diff/referrers.h"
#include "diff/renewable.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace klp::diff {

namespace {

class LostState {
public:
    LostState(const Pair& pair, const Selection& selection, const KernelSymbols& kernel)
        : pair_(pair), included_(selection.included), kernel_(kernel) {}

    std::vector<report::Finding> find() {
        std::vector<bool> lost(pair_.original.pieces().size(), false);
        for (uint32_t index = 0; index < lost.size(); ++index)
            lost[index] = pair_.after(index) == none && is_state(pair_.original.piece(index));
        if (std::ranges::find(lost, true) == lost.end())
            return {};
        read_names();
        read_callers();
        read_fresh();
        const std::vector<bool> renewable = find_renewable(pair_.original, lost);
        const std::vector<std::vector<uint32_t>> referrers = referrers_of(pair_.original, lost);
        std::vector<report::Finding> findings;
        for (uint32_t index = 0; index < lost.size(); ++index) {
            if (!lost[index] || is_still_there(pair_.original.piece(index)) || renewable[index])
                continue;
            const std::vector<uint32_t> users = replaced_users(referrers[index]);
            const bool has_successor = std::ranges::any_of(users, [&](uint32_t user) { return fresh_.contains(user); });
            if (!users.empty() && (has_successor || !is_only_read(index, referrers[index])))
                findings.push_back(describe(index, users));
        }
        return findings;
    }

private:
    bool is_state(const Piece& piece) const {
        const elf::Section& section = pair_.original.object().section(piece.section);
        return piece.kind == PieceKind::variable && piece.identity == Identity::kept && section.is_writable() &&
               (section.name.starts_with(".data") || section.name.starts_with(".bss")) &&
               !arch::is_init(section.name) && !section.name.starts_with(".data.rel.ro");
    }
    void read_names() {
        for (const elf::Symbol& symbol : pair_.patched.object().symbols())
            if (symbol.place == elf::Place::undefined)
                undefined_.insert(symbol.name);
            else if (symbol.place == elf::Place::section && !symbol.is_section() && !symbol.is_file())
                defined_.insert(symbol.name);
        for (uint32_t index = 0; index < pair_.patched.pieces().size(); ++index)
            if (const Piece& piece = pair_.patched.piece(index); included_[index] && piece.kind == PieceKind::function)
                heirs_.emplace(source_name(pair_.patched.name(piece)), pair_.patched.root_of(index));
    }
    // What is defined elsewhere now is the kernel's, unless it is another unit of this patch that brings a new one. A
    // variable of the file that has kept its name and not its kind of storage is refused for that.
    bool is_still_there(const Piece& piece) const {
        std::string_view name = pair_.original.name(piece);
        if (!pair_.original.is_local(piece) && undefined_.contains(name))
            return !kernel_.is_of_patch(name);
        return !is_static_local_name(name) && defined_.contains(name);
    }
    // No code of the unit gives the variable a value (a parameter of a module, say), so the kernel's keeps what it has.
    bool is_only_read(uint32_t variable, const std::vector<uint32_t>& referrers) const {
        return std::ranges::all_of(referrers, [&](uint32_t referrer) {
            const Piece& piece = pair_.original.piece(referrer);
            if (piece.kind != PieceKind::function)
                return false;
            const Instructions code = read_instructions(pair_.original, piece);
            return std::ranges::all_of(pair_.original.relocations(piece), [&](const elf::Relocation& relocation) {
                const Reference reference = pair_.original.reference(piece.section, relocation);
                if (reference.to != Reference::To::piece || reference.id != variable ||
                    pair_.original.machine().is_high_part(relocation.type))
                    return true;
                const size_t at = instruction_at(code, relocation.offset);
                return at < code.size() && code[at].reads_memory && !code[at].writes_memory;
            });
        });
    }
    // The patched function that goes on for an original one, or `none`: "foo" may have become "foo.constprop.0".
    uint32_t heir_of(uint32_t function) const {
        const auto heir = heirs_.find(source_name(pair_.original.name(pair_.original.piece(function))));
        return pair_.after(function) != none || heir == heirs_.end() ? pair_.after(function) : heir->second;
    }
    // Of functions that have none: they may go on inlined in their callers.
    void read_callers() {
        std::vector<bool> gone(pair_.original.pieces().size(), false);
        for (uint32_t index = 0; index < gone.size(); ++index)
            gone[index] = pair_.original.piece(index).kind == PieceKind::function &&
                          heir_of(pair_.original.root_of(index)) == none;
        callers_ = referrers_of(pair_.original, gone);
    }
    // In the patched unit, without parts.
    std::vector<uint32_t> replaced_users(std::vector<uint32_t> referrers) const {
        std::set<uint32_t> users, seen;
        while (!referrers.empty()) {
            const uint32_t root = pair_.original.root_of(referrers.back());
            referrers.pop_back();
            if (pair_.original.piece(root).kind != PieceKind::function || !seen.insert(root).second)
                continue;
            const uint32_t now = heir_of(root);
            if (now != none && included_[now])
                users.insert(now);
            if (now == none)
                referrers.insert(referrers.end(), callers_[root].begin(), callers_[root].end());
        }
        return {users.begin(), users.end()};
    }
    // Names of variables without partner, less the number that the compiler gives them, by the function that uses them.
    void read_fresh() {
        for (uint32_t part = 0; part < pair_.patched.pieces().size(); ++part) {
            const Piece& piece = pair_.patched.piece(part);
            if (!included_[part] || piece.kind != PieceKind::function)
                continue;
            for (const elf::Relocation& relocation : pair_.patched.relocations(piece)) {
                const Reference reference = pair_.patched.reference(piece.section, relocation);
                if (reference.to != Reference::To::piece || pair_.before(reference.id) != none)
                    continue;
                const Piece& target = pair_.patched.piece(reference.id);
                if (target.kind == PieceKind::variable && target.identity == Identity::kept)
                    fresh_[pair_.patched.root_of(part)].insert(stem(pair_.patched.name(target)));
            }
        }
    }
    bool has_namesake(std::string_view name, const std::vector<uint32_t>& users) const {
        return std::ranges::any_of(users, [&](uint32_t user) {
            auto fresh = fresh_.find(user);
            return fresh != fresh_.end() && fresh->second.contains(stem(name));
        });
    }
    report::Finding describe(uint32_t variable, const std::vector<uint32_t>& users) const {
        const Piece& piece = pair_.original.piece(variable);
        std::string_view name = pair_.original.name(piece);
        const bool is_of_function = pair_.original.is_local(piece) && is_static_local_name(name);
        report::Finding finding;
        finding.where = pair_.patched.object().name();
        finding.function = pair_.patched.title(users.front());
        if (is_of_function && has_namesake(name, users)) {
            finding.code = "diff.static-local";
            finding.severity = report::Severity::error;
            finding.message = fmt::format("its static variable {} cannot be told from others of the same name in the "
                                          "patched unit, so its value would be lost",
                                          name);
            finding.hint = "give the static variables of this function different names, or leave their order alone";
            return finding;
        }
        finding.code = is_of_function ? "diff.static-local-removed" : "diff.static-data-removed";
        const bool is_forced =
            std::ranges::all_of(users, [&](uint32_t user) { return pair_.macros.forced_functions.contains(user); });
        if (is_forced) {
            finding.severity = report::Severity::warning;
            finding.message = fmt::format("it no longer uses its static variable {}", name);
            finding.hint = "make sure that nobody else relies on its value";
            return finding;
        }
        finding.severity = report::Severity::error;
        finding.message =
            fmt::format("the patch removes {} {}, whose value is then lost to what is in its place or still relies on "
                        "it, and to the old code when the live patch is disabled",
                        is_of_function ? "its static variable" : "the variable", name);
        finding.hint = "keep the variable, under its name and in use, or, if nobody relies on its value, take each "
                       "function that used it in any case with KLP_FORCE_UNSAFE()";
        return finding;
    }

    const Pair& pair_;
    const std::vector<bool>& included_;
    const KernelSymbols& kernel_;
    std::unordered_set<std::string_view> undefined_; // names in the patched unit
    std::unordered_set<std::string_view> defined_;
    std::unordered_map<std::string_view, uint32_t> heirs_; // included functions by their names in the source
    std::vector<std::vector<uint32_t>> callers_;           // of original functions that are gone
    std::unordered_map<uint32_t, std::set<std::string>> fresh_;
};

} // namespace

std::vector<report::Finding> find_lost_state(const Pair& pair, const Selection& selection,
                                             const KernelSymbols& kernel) {
    return LostState(pair, selection, kernel).find();
}

} // namespace klp::diff
