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

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};

std::atomic<int> noted = 0; // lock-free: a signal handler writes it
int read_end = -1;
int write_end = -1;

void note(int number) {
    const int saved = errno;
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
        action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
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
    std::raise(interruption.signal);
    std::_Exit(128 + interruption.signal);
}

} // namespace klp::report
