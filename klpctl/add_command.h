// How a command gets on the command line.
#pragma once

#include "commands.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>

namespace klp::ctl {

// Adds a command that has `chosen` do run(system, arguments). Returns it and its arguments, an `Arguments` that lives
// as long as `chosen`, for options to be added.
template <typename Arguments, typename Run>
std::pair<CLI::App*, std::shared_ptr<Arguments>> add_command(CLI::App& app, Work& chosen, const std::string& name,
                                                             const std::string& description, Run run) {
    auto arguments = std::make_shared<Arguments>();
    CLI::App* command = app.add_subcommand(name, description);
    command->callback([&chosen, arguments, run] {
        chosen = [arguments, run](const livepatch::System& system) { return run(system, *arguments); };
    });
    return {command, arguments};
}

} // namespace klp::ctl
