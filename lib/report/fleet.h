// What became of a fleet, as plain values, and the two reports that are made of it.
#pragma once

#include "report/finding.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace klp::report {

struct FleetKernel {
    std::string label;
    std::string release; // empty if it could not be made ready
};

struct FleetCell {
    std::string kernel; // its label
    std::string patch;
    std::string outcome;  // "built", "not-affected", "refused", "failed", "unfinished"
    std::string expected; // "built", "not-affected", "refused:CODE"; empty if nothing was
    bool is_as_expected = false;
    std::vector<Finding> reasons;
    std::string folder; // relative to the report's
    std::string module; // the file's name in it, if there is one
    std::string sha256; // of the module
};

struct FleetFacts {
    std::string tool;
    std::vector<FleetKernel> kernels;
    std::vector<std::string> patches;
    std::vector<FleetCell> cells; // row by row
};

// Cells of the same result: of the same module, byte for byte, or refused by the same codes for the same functions.
struct FleetGroup {
    std::string outcome;
    std::string what; // the module's hash, or "CODE (FUNCTION), ..."
    std::vector<const FleetCell*> cells;
};
// All cells in groups, the largest first. They refer to `facts`.
std::vector<FleetGroup> groups_of(const FleetFacts& facts);

size_t count_misses(const FleetFacts& facts);

// The schema is in docs/fleet-schema.json.
nlohmann::ordered_json to_json(const FleetFacts& facts);
// One page with the matrix, that needs nothing else; as to_page() of a single report.
std::string to_page(const FleetFacts& facts);

} // namespace klp::report
