// Findings as JSON; the schema is in docs/report-schema.md.
#pragma once

#include "report/finding.h"

#include <nlohmann/json.hpp>

namespace klp::report {

// {"code", "severity", "where", "function", "message", "hint"}; empty texts are left out.
nlohmann::ordered_json to_json(const Finding& finding);
nlohmann::ordered_json to_json(const std::vector<Finding>& findings);

} // namespace klp::report
