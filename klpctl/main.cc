// klpctl: the live patches of this machine. Shows, loads and takes back, and keeps them over a restart.
#include "commands.h"

#include "report/command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

int main(int argc, char** argv) {
    using namespace klp;
    CLI::App app("Shows, loads, takes back and keeps the live patches of this machine.", "klpctl");
    ctl::Work chosen;
    std::string root = "/";
    app.add_option("--root", root, "the machine whose /sys, /proc, /run and /var are below this folder");
    app.set_version_flag("--version", KLP_VERSION);
    app.set_help_all_flag("--help-all", "help for all commands");
    app.require_subcommand(0, 1);
    app.footer("Exit status: 0 done, 1 refused or failed, 2 usage, 4 begun and taken back, 5 still under way.");
    ctl::declare_show(app, chosen);
    ctl::declare_check(app, chosen);
    ctl::declare_change(app, chosen);
    ctl::declare_keep(app, chosen);
    ctl::declare_watch(app, chosen);
    if (std::optional<int> status = report::parse_command_line(app, argc, argv))
        return *status;
    if (!chosen) {
        fmt::print(stderr, "klpctl: give a command (see --help)\n");
        return static_cast<int>(report::Exit::usage);
    }
    return report::run_command([&] { return chosen(livepatch::System(std::filesystem::absolute(root))); });
}
