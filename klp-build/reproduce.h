// --reproduce: a module made again from its report, and compared.
#pragma once

#include "options.h"
#include "report_file.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::build {

// What a report says of the module that it is about.
struct Reported {
    std::string tool;   // "klp-build 0.1.0"
    std::string module; // its name
    std::string unsigned_sha256;
    std::vector<report::Input> inputs;
};

// Reads the JSON report `options.reproduce`, and completes the options by it: the patches, in their order, which must
// be what they were (beside the report, where their old paths lead nowhere), the kernel, if it was given by name and no
// other is, and what was chosen. Throws report::Refusal "reproduce.report" if the file is no report of a module that
// was made, "reproduce.patch" if a patch is not to be had or is another one.
Reported read_report(Options& options);

// Compares the module that was made again, of which `record` tells. Returns what to say if the bytes are the same.
// Throws "reproduce.differs", naming each input that is not what it was.
std::string compare_with(const Reported& reported, const Record& record);

} // namespace klp::build
