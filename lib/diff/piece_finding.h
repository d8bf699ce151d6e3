// What is said about a piece of a unit.
#pragma once

#include "diff/unit.h"
#include "report/finding.h"

#include <string>

namespace klp::diff {

report::Finding error_about(const Unit& unit, uint32_t piece, std::string code, std::string message, std::string hint);
report::Finding warning_about(const Unit& unit, uint32_t piece, std::string code, std::string message,
                              std::string hint);
// There is nothing to be done about it.
report::Finding note_about(const Unit& unit, uint32_t piece, std::string code, std::string message);

} // namespace klp::diff
