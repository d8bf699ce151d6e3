// All that is done to a kernel, behind one interface: tests have a kernel of their own.
#pragma once

#include "elf/object.h"
#include "livepatch/system.h"
#include "livepatch/tasks.h"

#include <string>
#include <string_view>
#include <vector>

namespace klp::livepatch {

// Each returns 0 or an errno.
class KernelCalls {
public:
    virtual ~KernelCalls() = default;
    // init_module(2): the very bytes that were looked at before, not what a path leads to by now.
    virtual int insert(elf::Bytes module) = 0;
    // delete_module(2), which does not wait.
    virtual int remove(const std::string& module) = 0;
    // Writes to a file of sysfs.
    virtual int write(std::string_view absolute, std::string_view text) = 0;
};

// Those of this machine.
class RunningKernelCalls : public KernelCalls {
public:
    explicit RunningKernelCalls(System system) : system_(std::move(system)) {}
    int insert(elf::Bytes module) override;
    int remove(const std::string& module) override;
    int write(std::string_view absolute, std::string_view text) override;

private:
    System system_;
};

// What the kernel says in its log from now on. Says nothing where the log may not be read.
class KernelLog {
public:
    explicit KernelLog(const System& system);
    KernelLog(const KernelLog&) = delete;
    KernelLog& operator=(const KernelLog&) = delete;
    ~KernelLog();
    // The lines since the last call, or since the log was opened.
    std::vector<std::string> fresh_lines();

private:
    int fd_;
};

// Makes each of these tasks pass the border to user space once, as a signal would, without sending one: what it sleeps
// in is begun again. Returns how many did within `seconds`; kernel threads cannot, nor can what a debugger holds.
size_t interrupt_tasks(const std::vector<Task>& tasks, unsigned seconds);

} // namespace klp::livepatch
