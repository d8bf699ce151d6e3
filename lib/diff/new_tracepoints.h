// Tracepoints that a patch adds. Each puts an entry into five tables, which the kernel reads when it or a module starts
// (include/linux/tracepoint.h, include/trace/stages): the author is to hear of it once.
#pragma once

#include "diff/pair.h"
#include "report/finding.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::diff {

class NewTracepoints {
public:
    explicit NewTracepoints(const Pair& pair);

    // An entry of this name is one of such a tracepoint's.
    bool own(std::string_view entry) const;
    // The table's nameless entries come from such a tracepoint, if any do.
    bool fill(std::string_view registry) const;
    // A warning "diff.registry-added" for each, at its name.
    std::vector<report::Finding> findings() const;

private:
    std::string source_;
    std::set<std::string, std::less<>> names_;
};

} // namespace klp::diff
