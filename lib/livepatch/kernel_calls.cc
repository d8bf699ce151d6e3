#include "livepatch/kernel_calls.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace klp::livepatch {

int RunningKernelCalls::insert(elf::Bytes module) {
    return syscall(SYS_init_module, module.data(), module.size(), "") == 0 ? 0 : errno;
}

int RunningKernelCalls::remove(const std::string& module) {
    return syscall(SYS_delete_module, module.c_str(), O_NONBLOCK) == 0 ? 0 : errno;
}

int RunningKernelCalls::write(std::string_view absolute, std::string_view text) {
    const int file = open(system_.path(absolute).c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    const int error = ::write(file, text.data(), text.size()) < 0 ? errno : 0;
    close(file);
    return error;
}

// Documentation/ABI/testing/dev-kmsg: a read gives one record, "LEVEL,NUMBER,TIME,FLAGS;TEXT\n" and more lines that
// begin with a blank.
KernelLog::KernelLog(const System& system)
    : fd_(open(system.path("/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ >= 0)
        lseek(fd_, 0, SEEK_END);
}

KernelLog::~KernelLog() {
    if (fd_ >= 0)
        close(fd_);
}

std::vector<std::string> KernelLog::fresh_lines() {
    std::vector<std::string> lines;
    std::string record(8192, '\0');
    while (fd_ >= 0) {
        const ssize_t size = read(fd_, record.data(), record.size());
        if (size < 0 && errno == EPIPE) // overwritten meanwhile; the next read gives what is there
            continue;
        if (size <= 0)
            break;
        const std::string_view text(record.data(), static_cast<size_t>(size));
        const size_t begin = text.find(';');
        if (begin != std::string_view::npos)
            lines.emplace_back(text.substr(begin + 1, text.find('\n', begin) - begin - 1));
    }
    return lines;
}

namespace {

// PTRACE_SEIZE and PTRACE_INTERRUPT stop a task without a signal (ptrace(2)); on its way out of the kernel it goes
// over.
std::vector<pid_t> stop_tasks(const std::vector<Task>& tasks) {
    std::vector<pid_t> seized;
    for (const Task& task : tasks)
        if (task.thread > 0 && task.thread != getpid() && ptrace(PTRACE_SEIZE, task.thread, nullptr, nullptr) == 0 &&
            ptrace(PTRACE_INTERRUPT, task.thread, nullptr, nullptr) == 0)
            seized.push_back(task.thread);
    return seized;
}

} // namespace

size_t interrupt_tasks(const std::vector<Task>& tasks, unsigned seconds) {
    std::vector<pid_t> seized = stop_tasks(tasks);
    const size_t all = seized.size();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!seized.empty() && std::chrono::steady_clock::now() < end) {
        std::erase_if(seized, [](pid_t task) {
            int status = 0;
            if (waitpid(task, &status, __WALL | WNOHANG) != task)
                return false;
            if (WIFSTOPPED(status)) {
                // A signal that came at the same time goes on to the task; a stop of ours is none.
                const long signal = status >> 16 == 0 ? WSTOPSIG(status) : 0;
                ptrace(PTRACE_DETACH, task, nullptr, signal);
            }
            return true;
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return all - seized.size(); // what is still seized is let go when this process ends
}

} // namespace klp::livepatch
