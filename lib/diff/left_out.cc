#include "diff/left_out.h"

#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

namespace klp::diff {

namespace {

class LeftOut {
public:
    LeftOut(const Unit& patched, const Correlation& correlation, const Comparison& comparison,
            const std::vector<bool>& included, const Macros& macros)
        : patched_(patched), correlation_(correlation), comparison_(comparison), included_(included), macros_(macros) {
    }

    std::vector<report::Finding> find() {
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index)
            if (is_changed(index) && macros_.leave_out(patched_, index))
                note(patched_.title(index), "the patch changes it, but its author leaves it out with a macro");
        for (const std::string& section : comparison_.changed_registries)
            if (macros_.ignored_sections.contains(section))
                note(section, "the patch changes its entries, but its author leaves the section out with a macro");
        find_unreachable();
        return std::move(findings_);
    }

private:
    bool is_changed(uint32_t index) const {
        const bool is_whole = patched_.piece(index).parent == none && correlation_.to_original[index] != none;
        return comparison_.changed_data[index] || (is_whole && comparison_.changed_functions[index]);
    }
    void note(std::string function, std::string message) {
        findings_.push_back({std::string(left_out_code),
                             report::Severity::note,
                             patched_.object().name(),
                             std::move(function),
                             std::move(message),
                             {}});
    }
    // Functions that come along with their callers: see callers.h.
    void find_unreachable() {
        const std::vector<bool>& wanted = comparison_.through_callers;
        if (std::ranges::find(wanted, true) == wanted.end())
            return;
        const std::vector<std::vector<uint32_t>> referrers = referrers_of(patched_, wanted);
        for (uint32_t index = 0; index < wanted.size(); ++index) {
            if (!wanted[index] || !is_changed(index) || macros_.leave_out(patched_, index))
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
            if (const uint32_t root = patched_.root_of(referrer); macros_.leave_out(patched_, root))
                names.insert(patched_.title(root));
        return fmt::format("{}", fmt::join(names, ", "));
    }
    void add(report::Severity severity, uint32_t function, std::string message) {
        findings_.push_back({"diff.unreachable-change", severity, patched_.object().name(), patched_.title(function),
                             std::move(message),
                             "do not leave its callers out, or leave it out as well with KLP_IGNORE_FUNCTION()"});
    }

    const Unit& patched_;
    const Correlation& correlation_;
    const Comparison& comparison_;
    const std::vector<bool>& included_;
    const Macros& macros_;
    std::vector<report::Finding> findings_;
};

} // namespace

std::vector<report::Finding> find_left_out(const Unit& patched, const Correlation& correlation,
                                           const Comparison& comparison, const std::vector<bool>& included,
                                           const Macros& macros) {
    return LeftOut(patched, correlation, comparison, included, macros).find();
}

} // namespace klp::diff
