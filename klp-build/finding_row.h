// Findings by tables: what is said of each kind of thing that the sources show.
#pragma once

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace klp::build {

template <typename Kind>
struct FindingRow {
    Kind kind;
    const char* code;
    report::Severity severity;
    const char* message; // with {0}, {1} ... for the words that it is about
    const char* hint;    // the same
};

// The finding that the row of `kind` makes of `words`; the table has a row for each kind.
template <typename Table, typename Kind, typename... Words>
report::Finding finding_by(const Table& table, Kind kind, const std::string& where, const std::string& function,
                           const Words&... words) {
    const auto& row = *std::ranges::find_if(table, [&](const auto& it) { return it.kind == kind; });
    return {row.code,
            row.severity,
            where,
            function,
            fmt::format(fmt::runtime(row.message), words...),
            fmt::format(fmt::runtime(row.hint), words...)};
}

} // namespace klp::build
