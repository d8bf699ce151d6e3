// Everything a run found, and the lines about it that people read on the terminal.
#pragma once

#include "options.h"
#include "pipeline.h"
#include "review.h"

#include "report/facts.h"

namespace klp::build {

// Filled as the run gets on, so that a run that is refused half-way reports what it knew.
struct Record {
    explicit Record(const Options& options) : review(options) {}

    std::string status = "refused"; // "done", "refused", "nothing-changed"
    std::vector<std::string> patches;
    std::optional<kernel::Target> target;
    std::vector<source::ChangedFile> files;
    std::vector<UnitDiff> units;
    Output output;
    size_t livepatch_relocations = 0;
    bool is_replacing = true;
    std::vector<report::Finding> findings;
    std::vector<report::StageTime> stages;
    std::optional<report::BootTest> test; // with --test
    Review review;
    std::vector<report::Input> inputs; // with --report
};

// Notes what went in, with hashes if they are asked for; once.
void note_inputs(const Options& options, Record& record);

// The folder of the cache that the target's entry lies in.
std::filesystem::path cache_of(const kernel::Target& target);

// "changed", "new", "included".
const char* to_string(diff::Change change);

// The symbols of the kernel that only their names resolved.
std::vector<std::string> unproven_references(const diff::Diff& diff);

// The lines printed at the end of a run that made a module.
std::string summary(const Record& record);

// With --explain: for each changed function where it first differs and why, and what pulled the other pieces in.
std::string explanation(const Record& record);

} // namespace klp::build
