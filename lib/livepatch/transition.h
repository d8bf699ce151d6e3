// From an order to the end of what it began, or to its being taken back.
#pragma once

#include "livepatch/kernel_calls.h"
#include "livepatch/patches.h"
#include "livepatch/tasks.h"

#include <chrono>
#include <functional>
#include <string>

namespace klp::livepatch {

struct Progress {
    std::string patch;
    State state = State::enabling;
    std::chrono::seconds elapsed{0};
    std::vector<Task> tasks; // that have not gone over
};

// How long a transition may take, and what waiting needs from outside.
struct Patience {
    using Clock = std::chrono::steady_clock;

    std::chrono::seconds timeout{60};
    std::chrono::seconds signal_after{15}; // where the kernel does not signal by itself (before 5.1), ask it to
    std::function<void(const Progress&)> tell = [](const Progress&) {}; // called about once a second
    std::function<bool()> is_interrupted = [] { return false; };
    std::function<Clock::time_point()> now = Clock::now;
    std::function<void(std::chrono::milliseconds)> pause;

    Patience(); // pauses for real
};

// `taken_back`: it did not end in time, or was interrupted, and all is as before. `under_way`: not even that has ended.
enum class Outcome { done, taken_back, under_way };

class Operator {
public:
    Operator(const System& system, KernelCalls& kernel, const Patience& patience)
        : system_(system), kernel_(kernel), patience_(patience) {}

    // Inserts the module of a live patch, whose name that is, and waits. What is taken back is removed as well.
    // Throws report::Refusal "livepatch.load-failed" with the kernel's reason, and what it logged.
    Outcome load(const std::string& name, elf::Bytes module);
    // Takes a patch out of effect, or puts one in effect that is just being disabled. What is so already is done.
    // Throws "livepatch.not-loaded", "livepatch.busy" while another is in transition, "livepatch.write-failed".
    Outcome disable(const std::string& name);
    Outcome enable(const std::string& name);
    // Removes the module of a patch that is not in effect; waits while the core still lets go of it. Throws
    // "livepatch.unload-failed".
    void remove(const std::string& name);
    // Lets all tasks go over at once, ready or not. Throws "livepatch.not-in-transition", "livepatch.write-failed".
    void force(const std::string& name);
    // Wakes those who hold the transition up. Returns how many there are. Throws "livepatch.not-in-transition".
    size_t signal(const std::string& name);

    // Throws "livepatch.busy" if some transition is under way but that of `name`.
    void need_no_other_transition(const std::string& name) const;

    // Throws "livepatch.not-in-transition".
    LoadedPatch need_transition(const std::string& name) const;

private:
    enum class Ending { settled, timed_out, interrupted };
    enum class Interruption { heeded, ignored };
    Ending wait(const std::string& name, Interruption interruption);
    Outcome turn(const std::string& name, bool enabled);
    void order(const std::string& name, bool enabled);
    LoadedPatch need_patch(const std::string& name) const;
    void write(const std::string& name, std::string_view attribute, std::string_view text);

    const System& system_;
    KernelCalls& kernel_;
    const Patience& patience_;
};

} // namespace klp::livepatch
