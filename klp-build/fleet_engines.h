// What runs the cells of a fleet: this machine's processors, or a program that is made for running many things.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace klp::build {

// The folders of the cells that are to be run (fleet_cell.h), and what with.
struct EngineWork {
    std::filesystem::path folder; // of the output
    std::vector<std::filesystem::path> cells;
    unsigned jobs = 1;                            // processors of this machine
    std::function<void(const std::string&)> tell; // a line for people; called by several threads, one at a time
};

// An engine returns when it has run each cell, whatever came of it; what came of it stands in the folders.
using Engine = void (*)(const EngineWork& work);

// By its name; nullptr if there is none of that name.
Engine engine_named(const std::string& name);
const std::vector<std::string>& engine_names();

// The cells by processes of our own, so many at a time that all processors have something to do.
void run_here(const EngineWork& work);
// build.ninja in the output folder, and ninja. Throws report::Refusal "fleet.engine" if it cannot be run.
void run_by_ninja(const EngineWork& work);
// An array job, for a cluster whose nodes see the output folder, the inputs and this program under the same names; what
// sbatch takes for an environment (SBATCH_PARTITION, ...) says how. Throws "fleet.engine" if sbatch takes no job.
void run_by_slurm(const EngineWork& work);

} // namespace klp::build
