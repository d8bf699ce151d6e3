// Findings as JSON; the schema is in docs/report-schema.md.
#pragma once

#include "report/finding.h"

#include <nlohmann/json.hpp>

namespace klp::report {

// {"code", "severity", "where", "function", "message", "hint"}; empty texts are left out.
nlohmann::ordered_json to_json(const Finding& finding);
nlohmann::ordered_json to_json(const std::vector<Finding>& findings);

// The same back: of an array. Throws nlohmann::json::exception for what has no code, or is no such array.
std::vector<Finding> findings_from(const nlohmann::ordered_json& list);

} // namespace klp::report
