// One cell of a fleet: a folder with the order, what the run made of it, and the result, which is written last.
//
//     order.json   what to do and with what inputs, written by who has the whole fleet in mind
//     NAME.ko      with klp_core.ko and packages, where these belong to it
//     report.json  klp-build's own report
//     log          what klp-build said
//     result.json  what came of it
//
// A cell needs nothing but its folder (and the patches, the kernel and a cache), so that any engine on any machine that
// sees the folder can run it.
#pragma once

#include "report/finding.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::build {

struct OrderedFile {
    std::filesystem::path path;
    std::string sha256;
};

struct Order {
    std::string tool;               // tool_identity() of who wrote it
    std::string kernel;             // all that tells this kernel from another one
    std::string name;               // of the module
    std::filesystem::path folder;   // to work in
    std::vector<std::string> words; // klp-build's options that name the kernel, and those of all cells
    std::vector<OrderedFile> patches;
};

// Equal if and only if the same result is to be expected: not of paths, but of what lies there.
std::string key_of(const Order& order);

// Writes order.json, and leaves one alone that says the same already: ninja looks at its time. Throws as
// files::write().
void write_order(const std::filesystem::path& folder, const Order& order);

struct CellResult {
    std::string key;
    std::string outcome; // "built", "not-affected", "refused"; "failed": klp-build itself did not come to its end
    std::vector<report::Finding> reasons; // errors, if it was refused or failed
    std::string module;                   // the file's name, if it was built
    std::string sha256;                   // of the module
};

// Is it for the circumstances (a full disk, a network that is down), which another run may find better?
bool is_of_circumstances(const CellResult& result);

// The result, if there is one that is complete and was made for this key; a failure is none.
std::optional<CellResult> finished_result(const std::filesystem::path& folder, const std::string& key);
// The result of the last run, be it a failure.
std::optional<CellResult> last_result(const std::filesystem::path& folder);

// Does what the order in the folder says with `jobs` compilers at once, unless it is done already. Only one process
// does it at a time, the others wait for it. Throws report::Refusal "fleet.bad-order" if there is no order,
// "fleet.other-tool" if it is another klp-build's, and report::Interruption.
CellResult run_cell(const std::filesystem::path& folder, unsigned jobs);

// The errors in a report of klp-build (JSON); none if it cannot be read.
std::vector<report::Finding> errors_of_report(const std::filesystem::path& path);

// The version, and the build of it.
std::string tool_identity();
// The program that runs.
std::filesystem::path own_program();

} // namespace klp::build
