#include "diff/link_tables.h"

#include <fmt/format.h>

namespace klp::diff {

std::vector<report::Finding> find_link_tables(const Unit& patched, const Correlation& correlation,
                                              const Comparison& comparison, const std::vector<bool>& included,
                                              const Macros& macros) {
    std::vector<report::Finding> findings;
    auto refuse = [&](std::string code, uint32_t piece, std::string message, std::string hint) {
        findings.push_back({std::move(code), report::Severity::error, patched.object().name(), patched.title(piece),
                            std::move(message), std::move(hint)});
    };
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const std::string_view section = patched.object().section(patched.piece(index).section).name;
        if (!arch::is_filled_by_link(section) || macros.leave_out(patched, index))
            continue;
        if (correlation.to_original[index] == none && included[index])
            refuse("diff.link-table-added", index,
                   fmt::format("it is a new list of BTF ids ({}), which are filled in when the kernel is linked; in a "
                               "live patch they would all be 0",
                               section),
                   "use a list that the kernel has, or look the id up with btf_find_by_name_kind()");
        else if (comparison.changed_data[index])
            refuse("diff.link-table-changed", index,
                   fmt::format("the patch changes the entries or flags of this list of BTF ids ({}); the running "
                               "kernel's was filled in when it was linked, and stays what it is",
                               section),
                   fmt::format("leave it out with KLP_IGNORE_SECTION(\"{}\") if the rest of the patch does without",
                               section));
    }
    return findings;
}

} // namespace klp::diff
