#include "livepatch/transition.h"

#include "report/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace klp::livepatch {

using namespace std::chrono_literals;

namespace {

constexpr auto poll_interval = 50ms;
// How long the core may take to let go of a module after sysfs has forgotten the patch.
constexpr auto release_time = 30s;

std::string attribute(const std::string& patch, std::string_view name) {
    return fmt::format("{}/{}/{}", patches_folder, patch, name);
}

bool is_settled(const std::optional<LoadedPatch>& patch) {
    return !patch || patch->state == State::enabled || patch->state == State::idle;
}

// What init_module(2) means by its errors (kernel/module/main.c), where it is not the usual thing.
std::string reason_of(int error) {
    switch (error) {
    case EEXIST:
        return "a module of that name is loaded";
    case ENOEXEC:
        return "it is no module that this kernel takes";
    case ENOENT:
        return "the kernel lacks a symbol that it needs";
    case EKEYREJECTED:
    case ENOKEY:
        return "its signature is not one that the kernel accepts";
    case EPERM:
        return "loading modules is not permitted (by the caller's rights, kernel.modules_disabled, or lockdown)";
    case EBUSY:
        return "the kernel is busy: something else has hold of a function, or a transition is under way";
    default:
        return std::strerror(error);
    }
}

std::string quoted(const std::vector<std::string>& lines) {
    if (lines.empty())
        return {};
    constexpr size_t most = 10;
    const size_t begin = lines.size() > most ? lines.size() - most : 0;
    return fmt::format("; the kernel says: {}",
                       fmt::join(lines.begin() + static_cast<ptrdiff_t>(begin), lines.end(), "; "));
}

} // namespace

Patience::Patience() : pause([](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }) {}

Operator::Ending Operator::wait(const std::string& name, Interruption interruption) {
    const auto begin = patience_.now();
    auto told = begin;
    bool has_signalled = false;
    for (;;) {
        const std::optional<LoadedPatch> patch = find_patch(system_, name);
        if (is_settled(patch))
            return Ending::settled;
        const auto now = patience_.now();
        if (interruption == Interruption::heeded && patience_.is_interrupted())
            return Ending::interrupted;
        if (now - begin >= patience_.timeout)
            return Ending::timed_out;
        if (!has_signalled && now - begin >= patience_.signal_after && system_.exists(attribute(name, "signal"))) {
            kernel_.write(attribute(name, "signal"), "1");
            has_signalled = true;
        }
        if (now - told >= 1s) {
            told = now;
            patience_.tell({name, patch->state, std::chrono::duration_cast<std::chrono::seconds>(now - begin),
                            tasks_in_the_way(system_, *patch)});
        }
        patience_.pause(poll_interval);
    }
}

void Operator::write(const std::string& name, std::string_view file, std::string_view text) {
    if (const int error = kernel_.write(attribute(name, file), text))
        throw report::Refusal("livepatch.write-failed", attribute(name, file),
                              fmt::format("the kernel does not take {}: {}", text, std::strerror(error)),
                              error == EACCES || error == EPERM ? "run klpctl as root"
                                                                : "klpctl status shows its state");
}

void Operator::order(const std::string& name, bool enabled) {
    write(name, "enabled", enabled ? "1" : "0");
}

// Gives the order, waits, and takes it back if it is not carried out.
Outcome Operator::turn(const std::string& name, bool enabled) {
    order(name, enabled);
    if (wait(name, Interruption::heeded) == Ending::settled)
        return Outcome::done;
    const std::optional<LoadedPatch> patch = find_patch(system_, name);
    if (is_settled(patch)) // at the last moment
        return Outcome::done;
    order(name, !enabled);
    return wait(name, Interruption::ignored) == Ending::settled ? Outcome::taken_back : Outcome::under_way;
}

Outcome Operator::load(const std::string& name, elf::Bytes module) {
    KernelLog log(system_);
    if (const int error = kernel_.insert(module))
        throw report::Refusal(
            "livepatch.load-failed", name,
            fmt::format("the kernel did not take the module: {}{}", reason_of(error), quoted(log.fresh_lines())),
            "klpctl check tells beforehand what the kernel will say");
    if (wait(name, Interruption::heeded) == Ending::settled)
        return Outcome::done;
    if (is_settled(find_patch(system_, name)))
        return Outcome::done;
    order(name, false);
    if (wait(name, Interruption::ignored) != Ending::settled)
        return Outcome::under_way;
    remove(name);
    return Outcome::taken_back;
}

LoadedPatch Operator::need_patch(const std::string& name) const {
    std::optional<LoadedPatch> patch = find_patch(system_, name);
    if (!patch)
        throw report::Refusal("livepatch.not-loaded", name, "no live patch of that name is loaded",
                              "klpctl list shows those that are");
    return *patch;
}

void Operator::need_no_other_transition(const std::string& name) const {
    for (const LoadedPatch& patch : read_patches(system_))
        if (patch.name != name && (patch.state == State::enabling || patch.state == State::disabling))
            throw report::Refusal("livepatch.busy", patch.name,
                                  "its transition is under way, and the kernel has only one at a time",
                                  "wait for its end, or disable it; klpctl status shows what it waits for");
}

Outcome Operator::disable(const std::string& name) {
    const LoadedPatch patch = need_patch(name);
    need_no_other_transition(name);
    if (patch.state == State::idle)
        return Outcome::done;
    if (patch.is_in_effect())
        return turn(name, false);
    return wait(name, Interruption::heeded) == Ending::settled ? Outcome::done : Outcome::under_way;
}

Outcome Operator::enable(const std::string& name) {
    const LoadedPatch patch = need_patch(name);
    need_no_other_transition(name);
    if (patch.state == State::enabled)
        return Outcome::done;
    if (patch.state == State::disabling)
        return turn(name, true);
    return wait(name, Interruption::heeded) == Ending::settled ? Outcome::done : Outcome::under_way;
}

void Operator::remove(const std::string& name) {
    const auto end = patience_.now() + release_time;
    int error = kernel_.remove(name);
    while ((error == EAGAIN || error == EBUSY) && patience_.now() < end) {
        patience_.pause(poll_interval);
        error = kernel_.remove(name);
    }
    if (error != 0 && error != ENOENT)
        throw report::Refusal("livepatch.unload-failed", name,
                              fmt::format("the kernel keeps the module: {}", std::strerror(error)),
                              error == EPERM ? "run klpctl as root"
                                             : "a patch whose transition was forced stays until the machine restarts");
}

LoadedPatch Operator::need_transition(const std::string& name) const {
    LoadedPatch patch = need_patch(name);
    if (patch.state == State::enabled || patch.state == State::idle)
        throw report::Refusal("livepatch.not-in-transition", name, fmt::format("it is {}", to_string(patch.state)),
                              "there is nothing to hurry");
    return patch;
}

void Operator::force(const std::string& name) {
    need_transition(name);
    write(name, "force", "1");
}

size_t Operator::signal(const std::string& name) {
    const LoadedPatch patch = need_transition(name);
    const std::vector<Task> tasks = tasks_in_the_way(system_, patch);
    if (system_.exists(attribute(name, "signal")))
        write(name, "signal", "1");
    else
        interrupt_tasks(tasks, 2);
    return tasks.size();
}

} // namespace klp::livepatch
