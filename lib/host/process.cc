#include "host/process.h"

#include "files/files.h"
#include "report/finding.h"
#include "report/interruption.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace klp::host {

namespace {

namespace fs = std::filesystem;

std::function<void(const Command&)> trace_hook;

[[noreturn]] void refuse_process(const std::string& call) {
    throw report::Refusal("kernel.process", call, std::strerror(errno), "the machine is out of processes or files");
}

// What other programs get of our environment: where things are, and what reaches the network, a signing key, a
// compiler cache and other machines that compile. kbuild, make, compilers and binutils read dozens of variables (LLVM,
// ARCH, CROSS_COMPILE, KCFLAGS, KBUILD_MODPOST_NOFINAL, ...), and each would be in the module without a word.
constexpr std::array wanted_variables = {std::string_view("PATH"),           std::string_view("HOME"),
                                         std::string_view("USER"),           std::string_view("LOGNAME"),
                                         std::string_view("TERM"),           std::string_view("TMPDIR"),
                                         std::string_view("XDG_CACHE_HOME"), std::string_view("LD_LIBRARY_PATH"),
                                         std::string_view("LD_PRELOAD"),     std::string_view("http_proxy"),
                                         std::string_view("https_proxy"),    std::string_view("no_proxy"),
                                         std::string_view("HTTP_PROXY"),     std::string_view("HTTPS_PROXY"),
                                         std::string_view("NO_PROXY"),       std::string_view("KBUILD_SIGN_PIN"),
                                         std::string_view("OPENSSL_CONF"),   std::string_view("SOFTHSM2_CONF")};
constexpr std::array wanted_beginnings = {std::string_view("CCACHE_"), std::string_view("KLP_"),
                                          std::string_view("DISTCC_"), std::string_view("ICECC_"),
                                          std::string_view("PKCS11_")};

bool is_wanted(std::string_view name) {
    return std::ranges::find(wanted_variables, name) != wanted_variables.end() ||
           std::ranges::any_of(wanted_beginnings, [&](std::string_view begin) { return name.starts_with(begin); });
}

std::vector<std::string> child_environment(const Command& command) {
    std::map<std::string, std::string> variables = own_environment();
    std::erase_if(variables, [](const auto& variable) { return !is_wanted(variable.first); });
    variables.insert_or_assign("LC_ALL", std::string("C"));
    for (const auto& [name, value] : command.environment)
        variables[name] = value;
    std::vector<std::string> result;
    for (const auto& [name, value] : variables)
        result.push_back(fmt::format("{}={}", name, value));
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> result;
    for (std::string& word : words)
        result.push_back(word.data());
    result.push_back(nullptr);
    return result;
}

// ---- The watcher: a process that outlives us by a moment, to kill what we leave behind ----
//
// It reads messages "+GROUP" and "-GROUP" from a pipe whose only writers are we (and, up to its exec, each child). End
// of file means that we are gone. Each message is one write() of fewer than PIPE_BUF bytes, so messages never mix.

struct WatchMessage {
    pid_t group;
    int alive; // 1: started, 0: ended
};

[[noreturn]] void watch(int pipe_end) {
    setsid();
    for (int fd = 0; fd < 3; ++fd)
        close(fd);
    // No descriptor of ours may stay open in it: somebody may wait for the end of one.
    for (int fd = 3; fd < 1024; ++fd) {
        if (fd != pipe_end)
            close(fd);
    }
    constexpr size_t most = 1024;
    static pid_t groups[most];
    WatchMessage message{};
    while (true) {
        const ssize_t got = read(pipe_end, &message, sizeof message);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != static_cast<ssize_t>(sizeof message))
            break;
        for (pid_t& group : groups) {
            if (group == (message.alive ? 0 : message.group)) {
                group = message.alive ? message.group : 0;
                break;
            }
        }
    }
    for (const pid_t group : groups) {
        if (group > 0)
            killpg(group, SIGKILL);
    }
    _exit(0);
}

int start_watcher() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        refuse_process("pipe");
    const pid_t pid = fork();
    if (pid < 0)
        refuse_process("fork");
    if (pid == 0) {
        close(ends[1]);
        // Twice, so that it is nobody's child to wait for.
        if (fork() == 0)
            watch(ends[0]);
        _exit(0);
    }
    close(ends[0]);
    waitpid(pid, nullptr, 0);
    return ends[1];
}

// The pipe to the watcher of this very process: one that was inherited by fork() watches the parent.
int watcher_pipe() {
    static std::mutex one_at_a_time;
    static pid_t watched = 0;
    static int write_end = -1;
    const std::lock_guard lock(one_at_a_time);
    if (watched != getpid()) {
        if (write_end >= 0)
            close(write_end);
        write_end = start_watcher();
        watched = getpid();
    }
    return write_end;
}

void tell_watcher(int pipe_end, pid_t group, bool is_alive) {
    const WatchMessage message{group, is_alive ? 1 : 0};
    [[maybe_unused]] const ssize_t written = write(pipe_end, &message, sizeof message);
}

struct Pipe {
    int read_end = -1;
    int write_end = -1;
    Pipe() {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            refuse_process("pipe");
        read_end = ends[0];
        write_end = ends[1];
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_end(read_end);
        close_end(write_end);
    }
    static void close_end(int& end) {
        if (end >= 0)
            close(end);
        end = -1;
    }
};

// What the child needs between fork and exec, made beforehand: it may not allocate there.
struct Launch {
    const char* program;
    char** argv;
    char** environment;
    const char* directory; // nullptr: stay
    int input, output, errors;
    int watcher;
};

[[noreturn]] void launch(const Launch& plan) {
    setpgid(0, 0);
    tell_watcher(plan.watcher, getpid(), true);
    dup2(plan.input, 0);
    dup2(plan.output, 1);
    dup2(plan.errors, 2);
    if (plan.directory != nullptr && chdir(plan.directory) != 0)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    execve(plan.program, plan.argv, plan.environment);
    _exit(127);
}

// Reads both pipes until both are closed. If we are told to end meanwhile, so is `group`.
void drain(pid_t group, Pipe& output, std::string& output_text, Pipe& errors, std::string& errors_text) {
    std::array<char, 65536> buffer;
    int interruption = report::interruption_descriptor();
    while (output.read_end >= 0 || errors.read_end >= 0) {
        std::array<pollfd, 3> waiting = {pollfd{output.read_end, POLLIN, 0}, pollfd{errors.read_end, POLLIN, 0},
                                         pollfd{interruption, POLLIN, 0}};
        if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return;
        const auto take = [&](const pollfd& state, Pipe& pipe, std::string& text) {
            if (state.fd < 0 || (state.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
                return;
            const ssize_t got = read(pipe.read_end, buffer.data(), buffer.size());
            if (got > 0)
                text.append(buffer.data(), static_cast<size_t>(got));
            else if (got == 0 || errno != EINTR)
                Pipe::close_end(pipe.read_end);
        };
        take(waiting[0], output, output_text);
        take(waiting[1], errors, errors_text);
        if (interruption >= 0 && (waiting[2].revents & POLLIN) != 0) {
            killpg(group, SIGKILL);
            interruption = -1;
        }
    }
}

int wait_for(pid_t pid, int watcher) {
    siginfo_t info{};
    while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    // Deregistered while the zombie still holds the number, so that it cannot be somebody else's by now.
    tell_watcher(watcher, pid, false);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool needs_quotes(const std::string& word) {
    return word.empty() || word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                  "%+,-./:=@_") != std::string::npos;
}

std::string quoted(const std::string& word) {
    if (!needs_quotes(word))
        return word;
    std::string result = "'";
    for (const char c : word)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

} // namespace

std::map<std::string, std::string> own_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (const size_t equals = text.find('='); equals != std::string::npos)
            variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return variables;
}

void set_trace(std::function<void(const Command&)> trace) {
    trace_hook = std::move(trace);
}

std::optional<fs::path> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos)
        return access(name.c_str(), X_OK) == 0 ? std::optional<fs::path>(name) : std::nullopt;
    const char* path = std::getenv("PATH");
    std::string folders = path != nullptr ? path : "/usr/bin:/bin";
    folders += ':';
    for (size_t begin = 0, end; (end = folders.find(':', begin)) != std::string::npos; begin = end + 1) {
        const std::string folder = folders.substr(begin, end - begin);
        const std::string full = (folder.empty() ? "." : folder) + "/" + name;
        if (access(full.c_str(), X_OK) == 0 && !fs::is_directory(full))
            return full;
    }
    return std::nullopt;
}

Outcome run(const Command& command) {
    if (trace_hook) {
        static std::mutex one_at_a_time;
        const std::lock_guard lock(one_at_a_time);
        trace_hook(command);
    }
    Outcome outcome;
    // A relative program name is relative to where the command runs.
    const std::string& name = command.argv.at(0);
    const bool is_relative = name.find('/') != std::string::npos && name.front() != '/';
    const auto program = is_relative ? find_program((command.directory / name).string()) : find_program(name);
    if (!program) {
        outcome.status = 127;
        outcome.errors = name + ": not found";
        return outcome;
    }
    std::vector<std::string> words = command.argv;
    std::vector<std::string> variables = child_environment(command);
    const std::vector<char*> argv = pointers(words);
    const std::vector<char*> environment = pointers(variables);
    const std::string program_path = fs::absolute(*program).string();
    const std::string directory = command.directory.string();

    Pipe output, errors;
    const int input = open(command.input.empty() ? "/dev/null" : command.input.c_str(), O_RDONLY | O_CLOEXEC);
    const int file =
        command.output.empty() ? -1 : open(command.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (input < 0 || (!command.output.empty() && file < 0)) {
        const int saved = errno;
        if (input >= 0)
            close(input);
        files::refuse_full_disk(std::strerror(saved), command.output.string());
        errno = saved;
        refuse_process("open " + (input < 0 ? command.input : command.output).string());
    }
    Launch plan{program_path.c_str(),
                const_cast<char**>(argv.data()),
                const_cast<char**>(environment.data()),
                directory.empty() ? nullptr : directory.c_str(),
                input,
                file >= 0 ? file : output.write_end,
                errors.write_end,
                watcher_pipe()};
    const pid_t pid = fork();
    if (pid == 0)
        launch(plan);
    const int fork_error = errno;
    close(input);
    if (file >= 0)
        close(file);
    if (pid < 0) {
        errno = fork_error;
        refuse_process("fork");
    }
    setpgid(pid, pid); // whichever of the two comes first
    Pipe::close_end(output.write_end);
    Pipe::close_end(errors.write_end);
    drain(pid, output, outcome.output, errors, outcome.errors);
    outcome.status = wait_for(pid, plan.watcher);
    report::stop_if_interrupted();
    return outcome;
}

std::string last_lines(const std::string& text, size_t count) {
    size_t end = text.size();
    while (end > 0 && text[end - 1] == '\n')
        --end;
    size_t begin = end;
    while (begin > 0 && count > 0) {
        const size_t newline = text.rfind('\n', begin - 1);
        if (newline == std::string::npos)
            return text.substr(0, end);
        if (--count == 0)
            return text.substr(newline + 1, end - newline - 1);
        begin = newline;
    }
    return text.substr(begin, end - begin);
}

Outcome run_or_refuse(const Command& command, const std::string& code, const std::string& what) {
    Outcome outcome = run(command);
    if (outcome.status == 0)
        return outcome;
    if (outcome.status == 127 && !find_program(command.argv.at(0)))
        throw report::Refusal("kernel.missing-tool", command.argv.at(0),
                              fmt::format("the program is needed to {} and is not installed", what),
                              "install it; scripts/install-deps lists all that is needed");
    files::refuse_full_disk(outcome.errors, what);
    const std::string& said = outcome.errors.empty() ? outcome.output : outcome.errors;
    throw report::Refusal(code, command.argv.at(0),
                          fmt::format("could not {} (status {}):\n{}", what, outcome.status, last_lines(said, 20)),
                          "run again with -v to see the command");
}

std::string to_shell(const Command& command) {
    std::string text;
    if (!command.directory.empty())
        text += fmt::format("cd {} && ", quoted(command.directory.string()));
    for (const auto& [name, value] : command.environment)
        text += fmt::format("{}={} ", name, quoted(value));
    for (size_t i = 0; i < command.argv.size(); ++i)
        text += fmt::format("{}{}", i > 0 ? " " : "", quoted(command.argv[i]));
    if (!command.output.empty())
        text += fmt::format(" >{}", quoted(command.output.string()));
    return text;
}

} // namespace klp::host
