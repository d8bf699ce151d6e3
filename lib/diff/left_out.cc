#include "diff/left_out.h"

#include "diff/piece_finding.h"
#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

namespace klp::diff {

namespace {

class OmittedChanges {
public:
    OmittedChanges(const Pair& pair, const Changes& changes, const Selection& selection)
        : pair_(pair), changes_(changes), included_(selection.included) {}

    std::vector<report::Finding> find() {
        for (uint32_t index = 0; index < pair_.patched.pieces().size(); ++index)
            if (is_changed(index) && pair_.is_left_out(index))
                note(pair_.patched.title(index), "the patch changes it, but its author leaves it out with a macro");
        for (const std::string& section : changes_.registries)
            if (pair_.macros.ignored_sections.contains(section))
                note(section, "the patch changes its entries, but its author leaves the section out with a macro");
        find_settled();
        find_idle();
        find_unreachable();
        return std::move(findings_);
    }

private:
    bool is_changed(uint32_t index) const {
        const bool is_whole = pair_.patched.piece(index).parent == none && pair_.before(index) != none;
        return changes_.data[index] || (is_whole && changes_.functions[index]);
    }
    void note(std::string function, std::string message) {
        findings_.push_back({std::string(left_out_code),
                             report::Severity::note,
                             pair_.patched.object().name(),
                             std::move(function),
                             std::move(message),
                             {}});
    }
    void find_settled() {
        for (uint32_t index = 0; index < changes_.settled.size(); ++index)
            if (changes_.settled[index] && is_changed(index) && !pair_.is_left_out(index))
                findings_.push_back(note_about(pair_.patched, index, "diff.init-inlined",
                                               "the patch changes it only through functions that became part of its "
                                               "code; it has run, so it is left out"));
    }
    void find_idle() {
        for (uint32_t index = 0; index < changes_.idle.size(); ++index)
            if (changes_.idle[index] && is_changed(index) && !pair_.is_left_out(index))
                findings_.push_back(warning_about(pair_.patched, index, "diff.exit-changed",
                                                  "the patch changes it, but built-in exit code is never run", {}));
    }
    // Functions that come along with their callers: see callers.h.
    void find_unreachable() {
        const std::vector<bool>& wanted = changes_.through_callers;
        if (std::ranges::find(wanted, true) == wanted.end())
            return;
        const std::vector<std::vector<uint32_t>> referrers = referrers_of(pair_.patched, wanted);
        for (uint32_t index = 0; index < wanted.size(); ++index) {
            if (!wanted[index] || !is_changed(index) || pair_.is_left_out(index))
                continue;
            const std::string callers = ignored_callers(referrers[index]);
            if (!included_[index])
                add(report::Severity::error, index,
                    callers.empty() ? "the patch changes it, but ftrace cannot hook it, and nothing that the live "
                                      "patch replaces calls it"
                                    : fmt::format("the patch changes it, but ftrace cannot hook it, and what calls it "
                                                  "is left out ({}): the change would reach nobody",
                                                  callers));
            else if (!callers.empty())
                add(report::Severity::warning, index,
                    fmt::format("ftrace cannot hook it, and {} is left out: that caller goes on with the old code",
                                callers));
        }
    }
    std::string ignored_callers(const std::vector<uint32_t>& referrers) const {
        std::set<std::string> names;
        for (uint32_t referrer : referrers)
            if (const uint32_t root = pair_.patched.root_of(referrer); pair_.is_left_out(root))
                names.insert(pair_.patched.title(root));
        return fmt::format("{}", fmt::join(names, ", "));
    }
    void add(report::Severity severity, uint32_t function, std::string message) {
        findings_.push_back({"diff.unreachable-change", severity, pair_.patched.object().name(),
                             pair_.patched.title(function), std::move(message),
                             "do not leave its callers out, or leave it out as well with KLP_IGNORE_FUNCTION()"});
    }

    const Pair& pair_;
    const Changes& changes_;
    const std::vector<bool>& included_;
    std::vector<report::Finding> findings_;
};

} // namespace

std::vector<report::Finding> find_left_out(const Pair& pair, const Changes& changes, const Selection& selection) {
    return OmittedChanges(pair, changes, selection).find();
}

} // namespace klp::diff
