#pragma once

#include "report/finding.h"

namespace klp::report {

// Whether one of them is an error.
bool has_error(const std::vector<Finding>& findings);

} // namespace klp::report
