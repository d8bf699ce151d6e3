// FLEET.json: which patches are built for which kernels, and what is to come of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::build {

// What is to come of a cell: "built", "not-affected", or "refused" with a code of klp-findings(7).
struct Expectation {
    std::string outcome;
    std::string code;
};
std::string to_text(const Expectation& expectation);

struct FleetKernel {
    std::string name;               // "debian:6.12-cloud", "debian:6.12*-cloud", or what the author calls it
    std::vector<std::string> words; // klp-build's options that name it; empty for a pattern
};

// One module: its patch files, for all kernels or for those that the pattern covers.
struct FleetVariant {
    std::string kernels;
    std::vector<std::filesystem::path> files;
};
struct FleetExpectation {
    std::string kernels;
    Expectation is;
};
struct FleetPatch {
    std::string name;
    std::vector<FleetVariant> variants;         // the first that covers a kernel is the one; none: no cell
    std::vector<FleetExpectation> expectations; // so here; none: nothing is expected
};

struct Fleet {
    std::filesystem::path folder; // that relative paths are relative to
    std::vector<FleetKernel> kernels;
    std::vector<FleetPatch> patches;
    std::vector<std::string> options; // of klp-build, for all cells
};

// Is there a wildcard of glob(7) in it?
bool is_pattern(const std::string& name);
// Does the pattern cover one of a kernel's names?
bool covers(const std::string& pattern, const std::vector<std::string>& names);

// Reads the file. Throws report::Refusal "file.unreadable", and "fleet.bad-file" with the place in the file and what is
// wrong there.
Fleet read_fleet(const std::filesystem::path& path);

} // namespace klp::build
