// What every command does around its work: findings are told, whatever else goes wrong is told as a defect of the tool.
#pragma once

#include "report/finding.h"

#include <functional>
#include <optional>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace klp::report {

// Reads a command line. Returns the exit status if the command is to end there: Exit::done where help or the version
// was asked for, Exit::usage where the command line makes no sense (said on standard error).
std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv);

// The options and positionals that the command line gave, of commands and of groups too.
std::vector<const CLI::Option*> given_options(const CLI::App& app);

// To standard error, as to_text() has them.
void print(const std::vector<Finding>& findings);

// Does the work of a command and returns its exit status. What is thrown goes to `tell` and is Exit::refused: a Refusal
// as its findings, anything else as one finding "internal". An Interruption (report/interruption.h) ends the process by
// its signal. Standard output that could not be written is a Refusal "file.unwritable"; a standard error that cannot be
// written leaves the exit status alone to tell.
int run_command(const std::function<Exit()>& work,
                const std::function<void(const std::vector<Finding>&)>& tell = print);

} // namespace klp::report
