#include "watch_over.h"

#include "add_command.h"
#include "commands.h"
#include "waiting.h"

#include "report/finding.h"
#include "store/guard.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace klp::ctl {

namespace {

constexpr const char* command_name = "watch-over";

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

struct Arguments {
    store::Installed patch;
    unsigned seconds = 0;
};

report::Exit watch(const livepatch::System& system, const Arguments& arguments) {
    std::this_thread::sleep_for(std::chrono::seconds(arguments.seconds));
    const host::FileLock lock = lock_changes(system);
    store::Store store(system);
    store::end_trial(store, arguments.patch, livepatch::running_kernel(system).boot_id);
    return report::Exit::done;
}

} // namespace

void watch_over(const livepatch::System& system, const store::Installed& patch, std::chrono::seconds time) {
    const std::string root = system.path("/").string();
    const std::string seconds = fmt::format("{}", time.count());
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        let_go_of_parent();
        execl("/proc/self/exe", "klpctl", "--root", root.c_str(), command_name, patch.kernel.c_str(),
              patch.name.c_str(), patch.trial_at.c_str(), seconds.c_str(), nullptr);
        _exit(1); // the trial stays: better once too careful
    }
    if (child < 0)
        fmt::print(stderr,
                   "klpctl: cannot leave a process behind: the crash guard will think that this load went wrong\n");
}

void declare_watch(CLI::App& app, Work& chosen) {
    auto [command, arguments] = add_command<Arguments>(app, chosen, command_name, "", watch);
    command->group(""); // for klpctl itself
    command->add_option("KERNEL", arguments->patch.kernel)->required();
    command->add_option("NAME", arguments->patch.name)->required();
    command->add_option("TRIAL", arguments->patch.trial_at)->required();
    command->add_option("SECONDS", arguments->seconds)->required();
}

} // namespace klp::ctl
