#include "fleet.h"

#include "fleet_cells.h"
#include "fleet_engines.h"

#include "files/files.h"
#include "files/together.h"
#include "host/cache.h"
#include "report/fleet.h"
#include "report/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace klp::build {

namespace {

namespace fs = std::filesystem;

void tell(const std::string& line) {
    fmt::print(stderr, "{}\n", line);
    std::fflush(stderr);
}

bool is_as_expected(const std::optional<Expectation>& expected, const report::FleetCell& cell) {
    if (!expected)
        return cell.outcome == "built" || cell.outcome == "not-affected";
    const bool has_code = expected->code.empty() ||
                          std::ranges::find(cell.reasons, expected->code, &report::Finding::code) != cell.reasons.end();
    return cell.outcome == expected->outcome && has_code;
}

report::FleetCell fact_of(const Cell& cell, const ReadyKernel& kernel, const fs::path& folder) {
    report::FleetCell fact{
        kernel.label, cell.patch, "unfinished", "", false, {}, fs::relative(cell.folder, folder).string(), "", ""};
    if (cell.expected)
        fact.expected = to_text(*cell.expected);
    const std::optional<CellResult> result = last_result(cell.folder);
    if (!cell.problems.empty()) {
        fact.outcome = "refused";
        fact.reasons = cell.problems;
    } else if (result && result->key == key_of(cell.order)) {
        fact.outcome = result->outcome;
        fact.reasons = result->reasons;
        fact.module = result->module;
        fact.sha256 = result->sha256;
    }
    fact.is_as_expected = is_as_expected(cell.expected, fact);
    return fact;
}

report::FleetFacts facts_of(const Fleet& fleet, const std::vector<ReadyKernel>& kernels, const std::vector<Cell>& cells,
                            const fs::path& folder) {
    report::FleetFacts facts{"klp-build " KLP_VERSION, {}, {}, {}};
    for (const ReadyKernel& kernel : kernels)
        facts.kernels.push_back({kernel.label, kernel.release});
    for (const FleetPatch& patch : fleet.patches)
        facts.patches.push_back(patch.name);
    for (const Cell& cell : cells)
        facts.cells.push_back(fact_of(cell, kernels[cell.kernel], folder));
    return facts;
}

void write_reports(const report::FleetFacts& facts, const fs::path& folder) {
    files::Together outputs;
    const std::string json = report::json_text(report::to_json(facts)), page = report::to_page(facts);
    outputs.add(folder / "fleet.json", std::as_bytes(std::span(json)));
    outputs.add(folder / "fleet.html", std::as_bytes(std::span(page)));
    outputs.put_in_place();
}

std::string table_of(const report::FleetFacts& facts) {
    size_t patch_width = 0, kernel_width = 0;
    for (const report::FleetCell& cell : facts.cells) {
        patch_width = std::max(patch_width, cell.patch.size());
        kernel_width = std::max(kernel_width, cell.kernel.size());
    }
    std::string text;
    for (const report::FleetCell& cell : facts.cells) {
        text += fmt::format("  {:{}}  {:{}}  {}", cell.patch, patch_width, cell.kernel, kernel_width, cell.outcome);
        if (!cell.reasons.empty())
            text += ": " + cell.reasons.front().code;
        if (!cell.is_as_expected)
            text += cell.expected.empty() ? "  <- not expected" : fmt::format("  <- expected {}", cell.expected);
        text += '\n';
    }
    const size_t misses = report::count_misses(facts);
    return text + fmt::format("{} cells, {}\n", facts.cells.size(),
                              misses == 0 ? "all as expected" : fmt::format("{} not as expected", misses));
}

} // namespace

report::Exit build_fleet(const Options& options) {
    const Fleet fleet = read_fleet(options.fleet);
    const fs::path folder = fs::absolute(options.output).lexically_normal();
    files::check_writable(folder / "fleet.json");
    files::make_folder(folder);
    const host::FileLock alone = host::FileLock::try_now(folder / "fleet.lock");
    if (!alone)
        throw report::Refusal("fleet.busy", folder.string(), "another run is building a fleet in this folder",
                              "wait for it, or give another folder with --output");

    // Which kernels are there, and what is to be done for each?
    const std::vector<ReadyKernel> kernels = ready_kernels(fleet, options, tell);
    const std::vector<Cell> cells = cells_of(fleet, kernels, folder);
    EngineWork work{folder, {}, options.jobs, tell};
    for (const Cell& cell : cells) {
        if (!cell.problems.empty())
            continue;
        write_order(cell.folder, cell.order);
        if (!finished_result(cell.folder, key_of(cell.order)))
            work.cells.push_back(cell.folder);
    }
    tell(fmt::format("  {} cells, {} to be done", cells.size(), work.cells.size()));
    if (!work.cells.empty())
        engine_named(options.fleet_engine)(work);

    const report::FleetFacts facts = facts_of(fleet, kernels, cells, folder);
    write_reports(facts, folder);
    fmt::print("{}", table_of(facts));
    return report::count_misses(facts) == 0 ? report::Exit::done : report::Exit::refused;
}

report::Exit build_fleet_cell(const Options& options) {
    const CellResult result = run_cell(fs::absolute(options.fleet_cell).lexically_normal(), options.jobs);
    if (result.outcome != "failed")
        return report::Exit::done;
    throw report::Refusal(result.reasons);
}

} // namespace klp::build
