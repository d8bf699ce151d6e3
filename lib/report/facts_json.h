// The report as JSON; docs/report-schema.md describes it and docs/report-schema.json says it to programs.
#pragma once

#include "report/facts.h"

#include <nlohmann/json.hpp>

namespace klp::report {

nlohmann::ordered_json to_json(const Facts& facts);

} // namespace klp::report
