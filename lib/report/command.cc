#include "report/command.h"

#include "report/interruption.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace klp::report {

namespace {

// An unset variable of a script: `--output "$OUT"`. None of the options has a use for nothing.
void check_values(const CLI::App& app) {
    for (const CLI::Option* option : given_options(app))
        for (const std::string& value : option->results())
            if (value.empty())
                throw CLI::ValidationError(option->get_name(), "its value is empty (a variable that is not set?)");
}

// A file that is opened in place of a stream that the caller closed would get what is meant for people.
void open_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream)
            std::_Exit(static_cast<int>(Exit::refused)); // nothing can be said, and nothing written in safety
}

void require_written() {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        throw Refusal("file.unwritable", "standard output", std::strerror(errno),
                      "what was to be said there is not all there; let it go to another place");
}

// Where standard error takes nothing either, the exit status alone tells.
void if_possible(const std::function<void()>& tell) {
    try {
        tell();
    } catch (const std::system_error&) {
    }
}

Exit end_of(const std::function<Exit()>& work) {
    try {
        const Exit status = work();
        require_written();
        return status;
    } catch (const std::exception&) {
        stop_if_interrupted(); // a pipe that nobody reads any more is a signal too
        if (std::ferror(stdout) != 0)
            require_written();
        throw;
    }
}

} // namespace

std::vector<const CLI::Option*> given_options(const CLI::App& app) {
    std::vector<const CLI::Option*> given = app.get_options([](const CLI::Option* it) { return it->count() > 0; });
    const auto is_used = [](const CLI::App* part) { return part->get_name().empty() || part->parsed(); };
    for (const CLI::App* part : app.get_subcommands(is_used)) { // groups of options have no name
        const std::vector<const CLI::Option*> more = given_options(*part);
        given.insert(given.end(), more.begin(), more.end());
    }
    return given;
}

std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv) {
    open_streams();
    try {
        app.parse(argc, argv);
        check_values(app);
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
        return static_cast<int>(end_of(work));
    } catch (const Refusal& refusal) {
        if_possible([&] { tell(refusal.findings()); });
    } catch (const std::exception& error) {
        if_possible([&] {
            tell({{"internal",
                   Severity::error,
                   {},
                   {},
                   error.what(),
                   "this is a defect of the tool; please report it"}});
        });
    } catch (Interruption interruption) {
        if (interruption.signal != SIGPIPE)
            if_possible([&] {
                fmt::print(stderr, "interrupted ({}): what was begun is put away\n", strsignal(interruption.signal));
            });
        end_by(interruption);
    }
    return static_cast<int>(Exit::refused);
}

} // namespace klp::report
