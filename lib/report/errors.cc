#include "report/errors.h"

#include <algorithm>

namespace klp::report {

bool has_error(const std::vector<Finding>& findings) {
    return std::ranges::any_of(findings, [](const Finding& finding) { return finding.severity == Severity::error; });
}

} // namespace klp::report
