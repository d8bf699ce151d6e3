// A run's record as the plain values that the report is made of.
#pragma once

#include "report_file.h"

#include "report/facts.h"

namespace klp::build {

report::Facts facts_of(const Record& record);

// The same without what differs between two runs that make the same module: times, folders, and a test's transcript.
// `cache` is the folder of the run's cache, which findings may name.
report::Facts without_circumstances(report::Facts facts, const std::filesystem::path& cache);

// The report as a page if the file's name ends in .html, else as JSON.
std::string report_text(const report::Facts& facts, const std::filesystem::path& file);

} // namespace klp::build
