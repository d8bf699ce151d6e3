// Running other programs. No shell stands between: what is in `argv` is what the program gets.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace klp::host {

struct Command {
    std::vector<std::string> argv;                       // argv[0] is looked up in PATH unless it has a '/'
    std::filesystem::path directory = {};                // empty: the current one
    std::map<std::string, std::string> environment = {}; // added to (or replacing) ours
    std::filesystem::path input = {};                    // standard input comes from this file; empty: there is none
    std::filesystem::path output = {}; // standard output goes to this file; empty: into Outcome::output
};

struct Outcome {
    int status = 0;     // exit status, or 128 + signal number as a shell has it; 127: could not be started
    std::string output; // standard output
    std::string errors; // standard error
};

// Runs the command to its end. Its environment has of ours where things are (PATH, HOME, TMPDIR, ...), proxies,
// KBUILD_SIGN_PIN and what begins with CCACHE_, DISTCC_, ICECC_ or KLP_, nothing that could steer kbuild or a compiler, and LC_ALL=C. It
// runs in a process group of its own, which a watcher process kills should we die before it does, by whatever signal.
// May be called from several threads at once. Throws report::Refusal "kernel.process" if the machine has no processes
// or pipes left, and report::Interruption if a signal came meanwhile (the command is killed then).
Outcome run(const Command& command);

// The same, and throws report::Refusal `code` with the last lines of the standard error if the status is not 0;
// `what` says what the command was for ("prepare the kernel's build directory"). A full disk gets code
// "file.disk-full", a program that is not there "kernel.missing-tool".
Outcome run_or_refuse(const Command& command, const std::string& code, const std::string& what);

// All variables of our own environment.
std::map<std::string, std::string> own_environment();

// The last `count` lines of a text.
std::string last_lines(const std::string& text, size_t count);

// The command as one could paste it into a shell.
std::string to_shell(const Command& command);

// Called with each command before it runs (for -v); set before any thread is started.
void set_trace(std::function<void(const Command&)> trace);

// The full path of a program in PATH (or of a path with a '/', if executable).
std::optional<std::filesystem::path> find_program(const std::string& name);

} // namespace klp::host
