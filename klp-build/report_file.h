// Everything a run found, as JSON and as the summary people read. The schema is in docs/report-schema.md.
#pragma once

#include "options.h"
#include "pipeline.h"

#include <nlohmann/json.hpp>

namespace klp::build {

// Filled as the run gets on, so that a run that is refused half-way reports what it knew.
struct Record {
    std::string status = "refused"; // "done", "refused", "nothing-changed"
    std::vector<std::string> patches;
    std::optional<kernel::Target> target;
    std::vector<source::ChangedFile> files;
    std::vector<UnitDiff> units;
    Output output;
    uint64_t module_size = 0;
    size_t livepatch_symbols = 0;
    size_t livepatch_relocations = 0;
    bool is_replacing = true;
    std::vector<report::Finding> findings;
    std::vector<report::StageTime> stages;
};

nlohmann::ordered_json to_json(const Record& record);

// The lines printed at the end of a run that made a module.
std::string summary(const Record& record);

// With --explain: for each changed function where it first differs and why, and what pulled the other pieces in.
std::string explanation(const Record& record);

} // namespace klp::build
