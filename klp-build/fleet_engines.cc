#include "fleet_engines.h"

#include "fleet_cell.h"

#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>

namespace klp::build {

namespace {

namespace fs = std::filesystem;

// How a machine's processors are shared out: cells at a time, and compilers for each. A cell spends most of its time in
// steps that use one processor only, so cells come first.
struct Shares {
    unsigned cells;
    unsigned jobs;
};
Shares shares_of(size_t cells, unsigned processors) {
    const auto at_once = static_cast<unsigned>(std::clamp<size_t>(cells, 1, processors));
    return {at_once, std::max(1U, processors / at_once)};
}

std::string name_of(const fs::path& cell) {
    return fmt::format("{} on {}", cell.filename().string(), cell.parent_path().filename().string());
}

std::string outcome_of(const CellResult& result) {
    return result.reasons.empty() ? result.outcome
                                  : fmt::format("{} ({})", result.outcome, result.reasons.front().code);
}

// Ninja's own way to write a path (its manual, "Lexical syntax").
std::string ninja_path(const std::string& path) {
    std::string text;
    for (const char c : path) {
        if (c == '$' || c == ' ' || c == ':')
            text += '$';
        text += c;
    }
    return text;
}

std::string ninja_value(const std::string& value) {
    std::string text;
    for (const char c : value)
        text += c == '$' ? "$$" : std::string(1, c);
    return text;
}

struct NamedEngine {
    const char* name;
    Engine run;
};
constexpr std::array engines{NamedEngine{"local", run_here}, NamedEngine{"ninja", run_by_ninja},
                             NamedEngine{"slurm", run_by_slurm}};

} // namespace

Engine engine_named(const std::string& name) {
    const auto found =
        std::ranges::find(engines, name, [](const NamedEngine& engine) { return std::string(engine.name); });
    return found == engines.end() ? nullptr : found->run;
}

const std::vector<std::string>& engine_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const NamedEngine& engine : engines)
            list.emplace_back(engine.name);
        return list;
    }();
    return names;
}

void run_here(const EngineWork& work) {
    const Shares shares = shares_of(work.cells.size(), work.jobs);
    std::mutex mutex;
    size_t done = 0;
    host::parallel_for(work.cells.size(), shares.cells, [&](size_t i) {
        const auto start = std::chrono::steady_clock::now();
        std::string outcome;
        try {
            outcome = outcome_of(run_cell(work.cells[i], shares.jobs));
        } catch (const report::Refusal& refusal) {
            // The cell stays unfinished, and the others have their turn.
            outcome = refusal.what();
        }
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        const std::lock_guard lock(mutex);
        work.tell(fmt::format("  [{}/{}] {}: {} ({:.1f} s)", ++done, work.cells.size(), name_of(work.cells[i]), outcome,
                              time.count()));
    });
}

void run_by_ninja(const EngineWork& work) {
    const Shares shares = shares_of(work.cells.size(), work.jobs);
    std::string text =
        fmt::format("# Written by klp-build --fleet: its cells. `ninja -k 0` runs those that are not done.\n"
                    "jobs = {}\n"
                    "rule cell\n"
                    "  command = {} --fleet-cell $folder --jobs $jobs\n"
                    "  description = $what\n",
                    shares.jobs, ninja_value(host::to_shell({.argv = {own_program().string()}})));
    for (const fs::path& cell : work.cells)
        text += fmt::format("build {}: cell {}\n  folder = {}\n  what = {}\n",
                            ninja_path((cell / "result.json").string()), ninja_path((cell / "order.json").string()),
                            ninja_value(host::to_shell({.argv = {cell.string()}})), ninja_value(name_of(cell)));
    files::write(work.folder / "build.ninja", text);
    work.tell(fmt::format("  ninja runs {} cells", work.cells.size()));
    // Cells that fail make it end with 1; which did, their folders say.
    const host::Outcome outcome =
        host::run({.argv = {"ninja", "-C", work.folder.string(), "-k", "0", "-j", fmt::format("{}", shares.cells)},
                   .output = work.folder / "ninja.log"});
    constexpr int not_started = 127;
    if (outcome.status == not_started)
        throw report::Refusal("fleet.engine", "ninja", "it cannot be run",
                              "install it (Debian: ninja-build), or run the cells with --fleet-engine local");
}

} // namespace klp::build
