#include "diff/changed_data.h"

#include "diff/pairing.h"
#include "diff/piece_finding.h"
#include "diff/referrers.h"
#include "diff/storage.h"
#include "diff/syscall_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace klp::diff {

namespace {

class ChangedData {
public:
    ChangedData(const Pair& pair, const Changes& changes, const Selection& selection)
        : pair_(pair), patched_(pair.patched), changes_(changes), selection_(selection),
          after_(referrers_of(patched_, changes.data)), before_(referrers_of(pair.original, changed_before())) {}

    std::vector<report::Finding> find() {
        std::vector<report::Finding> findings;
        for (uint32_t index = 0; index < changes_.data.size(); ++index) {
            if (!changes_.data[index] || pair_.is_left_out(index))
                continue;
            if (auto late = only_at_start(index))
                findings.push_back(std::move(*late));
            else if (const std::string call = described_syscall(patched_, patched_.piece(index)); !call.empty())
                described_.insert(call);
            else if (!arch::is_filled_by_link(section_of(index)) && !is_seen_by_nobody(index) && !travels(index))
                findings.push_back(refusal(index));
        }
        for (const std::string& call : described_)
            findings.push_back({"diff.syscall-metadata",
                                report::Severity::note,
                                patched_.object().name(),
                                call,
                                "tracefs goes on showing the old names or types of this system call's arguments",
                                {}});
        return findings;
    }

private:
    std::vector<bool> changed_before() const {
        std::vector<bool> wanted(pair_.original.pieces().size(), false);
        for (uint32_t index = 0; index < changes_.data.size(); ++index)
            if (changes_.data[index])
                wanted[pair_.before(index)] = true;
        return wanted;
    }
    std::string_view section_of(uint32_t index) const {
        return patched_.object().section(patched_.piece(index).section).name;
    }
    const std::vector<uint32_t>& old_referrers(uint32_t index) const { return before_[pair_.before(index)]; }

    std::optional<report::Finding> only_at_start(uint32_t index) const {
        const std::string_view section = section_of(index);
        if (patched_.role(patched_.piece(index).section) == Role::registry)
            return warning_about(
                patched_, index, "diff.registry-changed",
                fmt::format("it changed, but {} is read when the kernel or module starts; the change has no effect",
                            section),
                {});
        if (arch::is_init(section) || arch::is_exit(section))
            return warning_about(
                patched_, index, "diff.init-data-changed",
                fmt::format("its content changed, but {} is gone once the kernel or module has started", section), {});
        return std::nullopt;
    }
    // A table that the linker puts together of such entries is read without a reference to any of them.
    bool is_seen_by_nobody(uint32_t index) const {
        return patched_.role(patched_.piece(index).section) != Role::unknown && after_[index].empty() &&
               old_referrers(index).empty() && patched_.is_local(patched_.piece(index)) &&
               !is_referred_to(patched_, index);
    }
    // Nobody but what comes along sees it, before and after.
    bool travels(uint32_t index) const {
        auto comes_along = [&](uint32_t referrer) { return selection_.included[referrer]; };
        auto came_along = [&](uint32_t referrer) {
            const uint32_t now = pair_.after(referrer);
            return now == none || selection_.included[now] ||
                   pair_.original.piece(referrer).kind == PieceKind::fragment;
        };
        return changes_.copied[index] && selection_.included[index] &&
               std::ranges::all_of(after_[index], comes_along) && std::ranges::all_of(old_referrers(index), came_along);
    }

    report::Finding refusal(uint32_t index) const {
        if (auto known = changes_.identities.find(index); known != changes_.identities.end())
            return error_about(
                patched_, index, "diff.data-changed",
                fmt::format("the patch changes the content of this table ({}), and a copy of it would be another "
                            "table: {}, and the running kernel keeps the old one",
                            section_of(index), known->second),
                "leave the table as it is and change the functions that it points to or that use it; it is read-only, "
                "so no callback can write to it");
        if (changes_.leads_inside[index])
            return error_about(
                patched_, index, "diff.data-changed",
                fmt::format("it holds addresses of places inside of a function that the patch changes "
                            "({}): in the running kernel they lead into the old code",
                            section_of(index)),
                "make the variable read-only and the function's own, so that a copy of it can come along, "
                "or leave the function as it is");
        const auto seen_by =
            std::ranges::find_if(after_[index], [&](uint32_t referrer) { return !selection_.included[referrer]; });
        const std::string others = seen_by == after_[index].end()
                                       ? std::string()
                                       : fmt::format(", which {} also sees", patched_.title(*seen_by));
        const auto size_of = [](const Unit& unit, const Piece& piece) { return unit.content_end(piece) - piece.entry; };
        const uint64_t was = size_of(pair_.original, pair_.original.piece(pair_.before(index)));
        const uint64_t is = size_of(patched_, patched_.piece(index));
        if (was != is)
            return error_about(
                patched_, index, "diff.data-changed",
                fmt::format("the patch changes the size of this variable ({}) from {} to {} bytes{}; the running "
                            "kernel's is and stays what it was",
                            section_of(index), was, is, others),
                "leave the variable as it is, and give what is new a variable of its own");
        return error_about(
            patched_, index, "diff.data-changed",
            fmt::format("the patch changes the initial content of this variable ({}){}; the running kernel has it "
                        "already and keeps it",
                        section_of(index), others),
            content_hint(index));
    }

    // What an author can do about a value that the running kernel has already.
    std::string content_hint(uint32_t index) const {
        const Storage storage = storage_of(patched_, patched_.piece(index));
        const bool is_protected = storage == Storage::read_only || storage == Storage::ro_after_init;
        const char* const instead =
            is_protected ? "change the functions that use the variable: it is read-only, so no callback can write to it"
            : is_static_local(patched_, patched_.piece(index))
                ? "have the function use the new value, or store it before it uses the variable: no callback can reach "
                  "a variable of a function"
                : "set the new value in a pre-patch callback (KLP_PRE_PATCH_CALLBACK) and the old one again in "
                  "a post-unpatch callback (KLP_POST_UNPATCH_CALLBACK); klp-build --rewrite DIR writes them for "
                  "numbers "
                  "and addresses, and says of other values what can be done";
        return fmt::format(
            "take this change out of the patch, and {}; if the old content does no harm, keep the change "
            "and leave it out of the live patch with KLP_IGNORE_SECTION(\"{}\")",
            instead, section_of(index));
    }

    const Pair& pair_;
    const Unit& patched_;
    const Changes& changes_;
    const Selection& selection_;
    std::vector<std::vector<uint32_t>> after_;  // who refers to the changed ones
    std::vector<std::vector<uint32_t>> before_; // who did, by original piece
    std::set<std::string> described_;           // system calls with other metadata
};

} // namespace

std::vector<report::Finding> find_changed_data(const Pair& pair, const Changes& changes, const Selection& selection) {
    if (std::ranges::find(changes.data, true) == changes.data.end())
        return {};
    return ChangedData(pair, changes, selection).find();
}

} // namespace klp::diff
