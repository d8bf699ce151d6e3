#include "diff/link_tables.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

namespace klp::diff {

std::vector<report::Finding> find_link_tables(const Pair& pair, const Changes& changes, const Selection& selection) {
    const Unit& patched = pair.patched;
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        const std::string_view section = patched.object().section(patched.piece(index).section).name;
        if (!arch::is_filled_by_link(section) || pair.is_left_out(index))
            continue;
        if (pair.before(index) == none && selection.included[index])
            findings.push_back(error_about(
                patched, index, "diff.link-table-added",
                fmt::format("it is a new list of BTF ids ({}), which are filled in when the kernel is linked; in a "
                            "live patch they would all be 0",
                            section),
                "use a list that the kernel has, or look the id up with btf_find_by_name_kind()"));
        else if (changes.data[index])
            findings.push_back(error_about(
                patched, index, "diff.link-table-changed",
                fmt::format("the patch changes the entries or flags of this list of BTF ids ({}); the running "
                            "kernel's was filled in when it was linked, and stays what it is",
                            section),
                fmt::format("leave it out with KLP_IGNORE_SECTION(\"{}\") if the rest of the patch does without",
                            section)));
    }
    return findings;
}

} // namespace klp::diff
