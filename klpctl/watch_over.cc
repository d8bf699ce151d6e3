#include "watch_over.h"

#include "waiting.h"

#include "report/finding.h"
#include "store/guard.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <thread>
#include <unistd.h>

namespace klp::ctl {

namespace {

void let_go_of_parent() {
    setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP})
        std::signal(signal, SIG_DFL);
    const int nothing = open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 3; ++standard)
        dup2(nothing, standard);
    close_range(3, ~0U, 0); // the lock is among them
    if (chdir("/") != 0)
        _exit(1);
}

[[noreturn]] void watch(const livepatch::System& system, const store::Installed& patch, std::chrono::seconds time) {
    let_go_of_parent();
    std::this_thread::sleep_for(time);
    try {
        const std::string boot_id = livepatch::running_kernel(system).boot_id;
        const host::FileLock lock = lock_changes(system);
        store::Store store(system);
        store::end_trial(store, patch, boot_id);
    } catch (const report::Refusal&) {
        _exit(1); // the trial stays: better once too careful
    }
    _exit(0);
}

} // namespace

void watch_over(const livepatch::System& system, const store::Installed& patch, std::chrono::seconds time) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0)
        watch(system, patch, time);
    if (child < 0)
        fmt::print(stderr,
                   "klpctl: cannot leave a process behind: the crash guard will think that this load went wrong\n");
}

} // namespace klp::ctl
