#include "report/interruption.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace klp::report {

namespace {

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

// Both lock-free: a signal handler writes them.
std::atomic<int> noted = 0;
std::atomic<int64_t> first_time = 0; // milliseconds

// timeout(1) and shells tell the process and then its group: that is one telling. In milliseconds.
constexpr int64_t one_telling = 1000;

int read_end = -1;
int write_end = -1;

// clock_gettime(2) is safe in a signal handler (signal-safety(7)).
int64_t now_in_milliseconds() {
    struct timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void note(int number) {
    const int saved = errno;
    const int64_t now = now_in_milliseconds();
    if (noted != 0) {
        if (noted == number && number != SIGPIPE && now - first_time > one_telling)
            end_by({number});
        errno = saved;
        return;
    }
    first_time = now;
    noted = number;
    [[maybe_unused]] const ssize_t written = write(write_end, "", 1);
    errno = saved;
}

} // namespace

void heed_signals() {
    int ends[2];
    if (read_end >= 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return; // without a pipe, signals end the process as they always did
    read_end = ends[0];
    write_end = ends[1];
    for (const int number : signals) {
        struct sigaction before{};
        struct sigaction action{};
        action.sa_handler = note;
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        if (sigaction(number, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(number, &action, nullptr);
    }
}

bool is_interrupted() {
    return noted != 0;
}

void stop_if_interrupted() {
    if (is_interrupted())
        throw Interruption{noted};
}

int interruption_descriptor() {
    return read_end;
}

void end_by(Interruption interruption) {
    std::signal(interruption.signal, SIG_DFL);
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, interruption.signal);
    sigprocmask(SIG_UNBLOCK, &own, nullptr); // it is blocked in its own handler
    std::raise(interruption.signal);
    std::_Exit(128 + interruption.signal);
}

} // namespace klp::report
