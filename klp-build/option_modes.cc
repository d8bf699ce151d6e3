#include "option_modes.h"

#include "report/command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace klp::build {

namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view always[] = {"--verbose", "--debug", "--keep-tmp", "--jobs", "--cache-shared"};

constexpr std::string_view of_kernel[] = {
    "--kernel",     "--sourcedir",      "--builddir",  "--config",   "--vmlinux",
    "--vmlinuz",    "--modules",        "--symvers",   "--release",  "--target",
    "--oot-module", "--oot-module-src", "--toolchain", "--launcher", "--skip-compiler-check"};

constexpr std::string_view of_list[] = {"--list-kernels", "--json"};
constexpr std::string_view of_cache[] = {"--cache", "--cache-days"};
constexpr std::string_view of_fleet[] = {"--fleet", "--fleet-engine", "--output"};
constexpr std::string_view of_cell[] = {"--fleet-cell"};
constexpr std::string_view of_reproduce[] = {"--reproduce"};
constexpr std::string_view of_preparation[] = {"--prepare", "--print-target", "--runtime", "--report",
                                               "--reproducible-report"};
constexpr std::string_view of_rewrite[] = {
    "patch", "--rewrite", "--rewrite-callers", "--name", "--report", "--reproducible-report", "--runtime"};

// What a run does that makes no module from patches, and what it goes by.
struct Mode {
    bool is_asked_for;
    std::string_view option;
    Names own;
    bool has_kernel;
};

std::vector<Mode> modes_of(const Options& options) {
    return {{options.lists_kernels, "--list-kernels", of_list, false},
            {options.cache_action != Options::CacheAction::none, "--cache", of_cache, false},
            {!options.fleet.empty(), "--fleet", of_fleet, false},
            {!options.fleet_cell.empty(), "--fleet-cell", of_cell, false},
            {!options.reproduce.empty(), "--reproduce", of_reproduce, true},
            {options.prepare, "--prepare", of_preparation, true},
            {options.print_target, "--print-target", of_preparation, true},
            {!options.rewrite.empty(), "--rewrite", of_rewrite, true}};
}

bool has(Names names, const CLI::Option& option) {
    return std::ranges::any_of(names, [&](std::string_view name) { return option.check_name(std::string(name)); });
}

bool heeds(const Mode& mode, const CLI::Option& option) {
    return has(always, option) || has(mode.own, option) || (mode.has_kernel && has(of_kernel, option));
}

} // namespace

std::string unheeded_option(const CLI::App& app, const Options& options) {
    const std::vector<Mode> modes = modes_of(options);
    const auto mode = std::ranges::find_if(modes, &Mode::is_asked_for);
    if (mode == modes.end())
        return {};
    const std::vector<const CLI::Option*> given = report::given_options(app);
    const auto unheeded =
        std::ranges::find_if(given, [&](const CLI::Option* option) { return !heeds(*mode, *option); });
    if (unheeded == given.end())
        return {};
    const bool is_of_cells = mode->option == "--fleet";
    return fmt::format("{} does not look at {}{}", mode->option,
                       (*unheeded)->get_positional() ? "a patch" : (*unheeded)->get_name(),
                       is_of_cells ? ": what its cells are told stands in its file (\"options\")" : "");
}

} // namespace klp::build
