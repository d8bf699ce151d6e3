#include "report/command.h"

#include "report/interruption.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <cstring>

namespace klp::report {

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return static_cast<int>(app.exit(error) == 0 ? Exit::done : Exit::usage);
    }
    return std::nullopt;
}

void print(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings)
        fmt::print(stderr, "{}\n", to_text(finding));
}

int run_command(const std::function<Exit()>& work, const std::function<void(const std::vector<Finding>&)>& tell) {
    try {
        return static_cast<int>(work());
    } catch (const Refusal& refusal) {
        tell(refusal.findings());
    } catch (const std::exception& error) {
        tell({{"internal", Severity::error, {}, {}, error.what(), "this is a defect of the tool; please report it"}});
    } catch (Interruption interruption) {
        fmt::print(stderr, "interrupted ({}): what was begun is put away\n", strsignal(interruption.signal));
        end_by(interruption);
    }
    return static_cast<int>(Exit::refused);
}

} // namespace klp::report
