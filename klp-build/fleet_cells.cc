#include "fleet_cells.h"

#include "files/digest.h"
#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/debian.h"
#include "kernel/parts.h"
#include "kernel/suites.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <mutex>

namespace klp::build {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// "debian:6.12.117+deb12-cloud-amd64" is also known without the architecture, as people write it.
std::vector<std::string> names_of(const std::string& name, const std::string& architecture) {
    std::vector<std::string> names = {name};
    const std::string suffix = "-" + architecture;
    if (name.starts_with(kernel::debian_prefix) && name.ends_with(suffix))
        names.push_back(name.substr(0, name.size() - suffix.size()));
    return names;
}

std::string label_of(std::string name) {
    if (name.starts_with(kernel::debian_prefix))
        name.erase(0, kernel::debian_prefix.size());
    std::ranges::replace_if(
        name, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '+' && c != '-' && c != '_'; },
        '_');
    return name;
}

// Scripts, certificates and keys that options name are inputs as well.
std::string identity_of_files(const Fleet& fleet) {
    std::string text;
    for (const std::string& word : fleet.options) {
        const fs::path file = fleet.folder / word.substr(word.find('=') + 1);
        if (std::error_code error; fs::is_regular_file(file, error))
            text.append(" ").append(files::sha256_of(file));
    }
    return text;
}

// "debian:sid/7.2*" speaks of one suite; a pattern that names none, of the host's.
std::vector<std::string> suites_of_pattern(const std::string& pattern) {
    for (const std::string& suite : kernel::known_suites())
        if (pattern.starts_with(fmt::format("{}{}/", kernel::debian_prefix, suite)))
            return {suite};
    const std::string host = kernel::suite_of_host();
    return host.empty() ? kernel::known_suites() : std::vector<std::string>{host};
}

using Tell = std::function<void(const std::string&)>;

std::vector<FleetKernel> expand(const FleetKernel& pattern, const host::Cache& cache, const std::string& architecture,
                                const Tell& tell) {
    std::vector<FleetKernel> found;
    size_t absent = 0;
    for (const kernel::OfferedKernel& kernel : kernel::offered_kernels(suites_of_pattern(pattern.name), cache, {})) {
        const std::string name = std::string(kernel::debian_prefix) + kernel.packages.release;
        std::vector<std::string> names = names_of(name, architecture);
        for (const std::string& more :
             names_of(fmt::format("{}{}/{}", kernel::debian_prefix, kernel.packages.suite, kernel.packages.release),
                      architecture))
            names.push_back(more);
        if ((kernel.is_cached || kernel.packages.is_whole()) && covers(pattern.name, names)) {
            found.push_back({name, {"--kernel", name}});
            absent += kernel.is_cached ? 0 : 1;
        }
    }
    if (found.empty())
        throw report::Refusal("fleet.no-kernel", pattern.name,
                              "neither the cache nor the package archive has a kernel that this covers",
                              "klp-build --list-kernels prints what there is");
    if (absent != 0)
        tell(fmt::format(
            "  {} covers {} kernels; {} of them are to be fetched, which takes about 0.6 GB of packages and 4 GB in "
            "the cache for each",
            pattern.name, found.size(), absent));
    return found;
}

// What klp-build --print-target printed.
void describe(ReadyKernel& ready, const std::string& text, const fs::path& folder, const std::string& architecture) {
    const Json json = Json::parse(text);
    const std::string name = json.at("name");
    ready.release = json.at("release");
    if (name.starts_with(kernel::debian_prefix)) {
        // A series may mean another release tomorrow, or on another machine.
        ready.words = {"--kernel", name};
        ready.label = label_of(name);
        for (const std::string& more : names_of(name, architecture))
            ready.names.push_back(more);
    }
    const auto file = [&](const char* field) { return folder / json.at(field).get<std::string>(); };
    ready.identity = fmt::format("{} {} {} {}", ready.release, kernel::identity_of_image(file("vmlinux")),
                                 files::sha256_of(file("config")),
                                 fs::exists(file("symvers")) ? files::sha256_of(file("symvers")) : "");
}

ReadyKernel make_ready(const FleetKernel& kernel, const Fleet& fleet, unsigned jobs, const host::Cache& cache,
                       const std::string& architecture) {
    ReadyKernel ready{label_of(kernel.name), names_of(kernel.name, architecture), kernel.words, "", "", {}};
    host::Command command{.argv = {own_program().string()}, .directory = fleet.folder};
    command.argv.insert(command.argv.end(), kernel.words.begin(), kernel.words.end());
    for (const char* option : {"--cache-shared", "--skip-compiler-check"})
        if (std::ranges::find(fleet.options, option) != fleet.options.end())
            command.argv.emplace_back(option);
    const host::TemporaryFolder scratch = cache.temporary();
    const fs::path report = scratch.path() / "report.json";
    command.argv.insert(command.argv.end(),
                        {"--print-target", "--report", report.string(), "--jobs", fmt::format("{}", jobs)});
    const host::Outcome outcome = host::run(command);
    if (outcome.status == 0)
        describe(ready, outcome.output, fleet.folder, architecture);
    else
        ready.problems = errors_of_report(report);
    if (outcome.status != 0 && ready.problems.empty())
        ready.problems.push_back({"fleet.cell-failed", report::Severity::error, kernel.name, "",
                                  fmt::format("klp-build --print-target ended with status {}: {}", outcome.status,
                                              host::last_lines(outcome.errors, 3)),
                                  "try klp-build --print-target with this kernel alone"});
    return ready;
}

} // namespace

std::vector<ReadyKernel> ready_kernels(const Fleet& fleet, const Options& options, const Tell& tell) {
    const host::Cache cache = host::Cache::open(options.sharing);
    const std::string architecture = kernel::debian_architecture();
    std::vector<FleetKernel> wanted;
    for (const FleetKernel& kernel : fleet.kernels)
        for (FleetKernel& one :
             is_pattern(kernel.name) ? expand(kernel, cache, architecture, tell) : std::vector{kernel})
            wanted.push_back(std::move(one));
    std::vector<ReadyKernel> all(wanted.size());
    const auto at_once = static_cast<unsigned>(std::min<size_t>(wanted.size(), options.jobs));
    std::mutex mutex;
    host::parallel_for(wanted.size(), at_once, [&](size_t i) {
        all[i] = make_ready(wanted[i], fleet, std::max(1U, options.jobs / at_once), cache, architecture);
        const std::lock_guard lock(mutex);
        tell(fmt::format("  kernel {}: {}", wanted[i].name,
                         all[i].problems.empty() ? all[i].release
                                                 : fmt::format("refused ({})", all[i].problems.front().code)));
    });
    // One that is named twice: first by a series, say, and then by a pattern.
    std::vector<ReadyKernel> once;
    for (ReadyKernel& ready : all) {
        const auto same = std::ranges::find_if(
            once, [&](const ReadyKernel& other) { return other.words == ready.words && other.label == ready.label; });
        if (same == once.end())
            once.push_back(std::move(ready));
        else
            same->names.insert(same->names.end(), ready.names.begin(), ready.names.end());
    }
    return once;
}

std::vector<Cell> cells_of(const Fleet& fleet, const std::vector<ReadyKernel>& kernels, const fs::path& folder) {
    std::vector<std::string> labels;
    for (const ReadyKernel& kernel : kernels) {
        if (std::ranges::find(labels, kernel.label) != labels.end())
            throw report::Refusal("fleet.bad-file", kernel.label, "two kernels of the fleet have this name",
                                  "give one of them another");
        labels.push_back(kernel.label);
    }
    const auto rule_for = [](const auto& rules, const ReadyKernel& kernel) {
        return std::ranges::find_if(rules, [&](const auto& rule) { return covers(rule.kernels, kernel.names); });
    };
    const std::string files = identity_of_files(fleet);
    std::vector<Cell> cells;
    for (const FleetPatch& patch : fleet.patches)
        for (size_t i = 0; i < kernels.size(); ++i) {
            const ReadyKernel& kernel = kernels[i];
            const auto variant = rule_for(patch.variants, kernel);
            if (variant == patch.variants.end())
                continue;
            Cell cell{i, patch.name, folder / "cells" / kernel.label / patch.name, {}, {}, kernel.problems};
            if (const auto rule = rule_for(patch.expectations, kernel); rule != patch.expectations.end())
                cell.expected = rule->is;
            cell.order = {
                tool_identity(), kernel.identity + files, "livepatch-" + patch.name, fleet.folder, kernel.words, {}};
            std::ranges::replace(cell.order.name, '.', '-');
            std::ranges::replace(cell.order.name, '+', '-');
            cell.order.words.insert(cell.order.words.end(), fleet.options.begin(), fleet.options.end());
            for (const fs::path& file : variant->files)
                cell.order.patches.push_back({file, files::sha256_of(fleet.folder / file)});
            cells.push_back(std::move(cell));
        }
    return cells;
}

} // namespace klp::build
