#include "waiting.h"

#include "text.h"

#include "files/files.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <unistd.h>

namespace klp::ctl {

namespace {

constexpr std::string_view lock_file = "/run/klp/lock";

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) {
    interrupted = 1;
}

void heed_signals() {
    struct sigaction action{};
    action.sa_handler = interrupt;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        sigaction(signal, &action, nullptr);
}

// "NAME: enabling, 7 s, 4 tasks left: 1234 cat in pipe_read, ..."
std::string line_of(const livepatch::Progress& progress) {
    constexpr size_t shown = 3;
    if (progress.tasks.empty()) // idle tasks are not in /proc
        return fmt::format("{}: {}, {} s, no task of /proc is left", progress.patch,
                           livepatch::to_string(progress.state), progress.elapsed.count());
    std::string text = fmt::format("{}: {}, {} s, {} left", progress.patch, livepatch::to_string(progress.state),
                                   progress.elapsed.count(), count(progress.tasks.size(), "task", "tasks"));
    for (size_t at = 0; at < std::min(shown, progress.tasks.size()); ++at)
        text += (at == 0 ? ": " : ", ") + to_text(progress.tasks[at]);
    return text + (progress.tasks.size() > shown ? ", ..." : "");
}

void tell_in_place(const livepatch::Progress& progress) {
    fmt::print(stderr, "\r\033[K{}", line_of(progress));
    std::fflush(stderr);
}

// A line for each five seconds that have passed.
class Lines {
public:
    void operator()(const livepatch::Progress& progress) {
        const auto part = progress.elapsed.count() / 5;
        if (part != last_)
            fmt::print(stderr, "{}\n", line_of(progress));
        last_ = part;
    }

private:
    std::chrono::seconds::rep last_ = 0;
};

} // namespace

livepatch::Patience patience(std::chrono::seconds timeout) {
    heed_signals();
    livepatch::Patience patience;
    patience.timeout = timeout;
    patience.is_interrupted = [] { return interrupted != 0; };
    if (isatty(STDERR_FILENO))
        patience.tell = tell_in_place;
    else
        patience.tell = Lines();
    return patience;
}

void clear_line() {
    if (isatty(STDERR_FILENO))
        fmt::print(stderr, "\r\033[K");
}

host::FileLock lock_changes(const livepatch::System& system) {
    const std::filesystem::path path = system.path(lock_file);
    files::make_folder(path.parent_path());
    host::FileLock lock = host::FileLock::try_now(path);
    if (!lock)
        fmt::print(stderr, "klpctl: another klpctl is at work; waiting for it\n");
    while (!lock) {
        if (interrupted)
            throw report::Refusal("livepatch.interrupted", "", "interrupted before anything was done");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        lock = host::FileLock::try_now(path);
    }
    return lock;
}

} // namespace klp::ctl
