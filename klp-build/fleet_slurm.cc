// A fleet's cells as an array job of Slurm.
#include "fleet_engines.h"

#include "fleet_cell.h"

#include "files/files.h"
#include "host/process.h"

#include <fmt/format.h>

#include <map>

namespace klp::build {

namespace {

namespace fs = std::filesystem;

// A job of the array takes the line of its number. A node that goes down has its job put back in the queue, and the
// cell begins anew: its result is written last.
std::string script_of(const fs::path& list, size_t count) {
    return fmt::format("#!/bin/sh\n"
                       "# Written by klp-build --fleet: runs the cells that are listed in {0}.\n"
                       "#SBATCH --job-name=klp-build\n"
                       "#SBATCH --array=1-{1}\n"
                       "#SBATCH --requeue\n"
                       "#SBATCH --output=/dev/null\n"
                       "cell=$(sed -n \"${{SLURM_ARRAY_TASK_ID}}p\" {0})\n"
                       "exec {2} --fleet-cell \"$cell\" --jobs \"${{SLURM_CPUS_PER_TASK:-1}}\"\n",
                       host::to_shell({.argv = {list.string()}}), count,
                       host::to_shell({.argv = {own_program().string()}}));
}

// What a user says of partitions, accounts and servers.
std::map<std::string, std::string> settings_of_slurm() {
    std::map<std::string, std::string> variables = host::own_environment();
    std::erase_if(variables, [](const auto& variable) {
        return !variable.first.starts_with("SBATCH_") && !variable.first.starts_with("SLURM_");
    });
    return variables;
}

} // namespace

void run_by_slurm(const EngineWork& work) {
    const fs::path list = work.folder / "cells.txt", script = work.folder / "cells.sbatch";
    std::string lines;
    for (const fs::path& cell : work.cells)
        lines += cell.string() + "\n";
    files::write(list, lines);
    files::write(script, script_of(list, work.cells.size()));
    work.tell(fmt::format("  Slurm runs {} cells (sbatch {})", work.cells.size(), script.string()));
    // Cells that fail make it end with another status; which did, their folders say.
    const host::Outcome outcome =
        host::run({.argv = {"sbatch", "--wait", "--parsable", script.string()}, .environment = settings_of_slurm()});
    if (outcome.output.empty())
        throw report::Refusal(
            "fleet.engine", "sbatch", "it took no job: " + host::last_lines(outcome.errors, 3),
            "is this a machine of a Slurm cluster (Debian: slurm-client)? --fleet-engine local runs the cells "
            "here");
}

} // namespace klp::build
