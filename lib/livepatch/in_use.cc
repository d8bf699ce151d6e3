#include "livepatch/in_use.h"

#include "livepatch/attached.h"
#include "livepatch/patches.h"
#include "livepatch/tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace klp::livepatch {

namespace {

using report::Finding;
using report::Severity;

class Meeting {
public:
    Meeting(const System& system, const ModuleFacts& facts) : system_(system), facts_(facts) {
        for (const Object& object : facts.objects)
            for (const Function& function : object.functions)
                functions_.insert(function.name);
    }

    std::vector<Finding> run() {
        see_patches();
        see_probes();
        see_tracing();
        see_tasks();
        return std::move(findings_);
    }

private:
    void add(const char* code, Severity severity, const std::string& function, std::string message, std::string hint) {
        findings_.push_back({code, severity, facts_.name, function, std::move(message), std::move(hint)});
    }

    void see_patches() {
        for (const LoadedPatch& patch : read_patches(system_)) {
            if (patch.name == facts_.name)
                continue;
            if (patch.state == State::enabling || patch.state == State::disabling)
                add("livepatch.busy", Severity::error, {}, fmt::format("the transition of {} is under way", patch.name),
                    "wait for its end; klpctl status shows what it waits for");
            if (facts_.is_replacing && patch.is_in_effect())
                add("livepatch.replaces", Severity::note, {}, fmt::format("it takes the place of {}", patch.name), {});
            for (const Object& object : patch.objects)
                for (const Function& function : object.functions)
                    see_patched(patch, function);
        }
    }
    void see_patched(const LoadedPatch& patch, const Function& function) {
        if (!functions_.contains(function.name))
            return;
        patched_.insert(function.name);
        if (!facts_.is_replacing)
            add("livepatch.patched-already", Severity::note, function.name,
                fmt::format("{} patches it too; the one that comes last counts", patch.name), {});
    }

    void see_probes() {
        const std::optional<std::vector<Probe>> probes = read_probes(system_);
        if (!probes)
            return miss("/sys/kernel/debug/kprobes/list", "probes are not looked at");
        for (const Probe& probe : *probes) {
            if (!functions_.contains(probe.function))
                continue;
            probes_on_ftrace_[probe.function] += probe.is_on_ftrace;
            add("livepatch.probed", Severity::warning, probe.function,
                probe.offset == 0 || probe.is_return || probe.is_on_ftrace
                    ? std::string("there is a kprobe at its start, which goes on to be hit before the new code runs")
                    : fmt::format("there is a kprobe at +{:#x}, in code that does not run while the patch is in effect",
                                  probe.offset),
                "whoever set it may want to set it in the new function");
        }
    }

    void see_tracing() {
        const std::optional<std::map<std::string, Tracing>> tracing = read_tracing(system_);
        if (!tracing)
            return miss("/sys/kernel/tracing/enabled_functions", "tracers are not looked at");
        for (const std::string& function : functions_) {
            const auto found = tracing->find(function);
            if (found == tracing->end())
                continue;
            const Tracing& of_function = found->second;
            if (!of_function.programs.empty())
                add("livepatch.bpf-attached", Severity::warning, function,
                    fmt::format(
                        "{} {} attached to it by a direct call (BPF), and may see the old function's arguments only, "
                        "or keep the kernel from patching it",
                        fmt::join(of_function.programs, ", "), of_function.programs.size() == 1 ? "is" : "are"),
                    "bpftool link shows whose it is");
            const size_t known =
                patched_.contains(function) + of_function.programs.size() + probes_on_ftrace_[function];
            if (of_function.users > known)
                add("livepatch.traced", Severity::warning, function,
                    fmt::format("ftrace traces it ({} users), and goes on to see its calls before the new code runs",
                                of_function.users - known),
                    "the new code is traced under its own address");
        }
    }

    void see_tasks() {
        constexpr size_t most = 20;
        const std::vector<Task> tasks = tasks_inside(system_, {functions_.begin(), functions_.end()});
        for (size_t at = 0; at < std::min(most, tasks.size()); ++at)
            add("livepatch.asleep", Severity::warning, tasks[at].function,
                fmt::format("{} {} sleeps in it, and the transition waits until it wakes", tasks[at].thread,
                            tasks[at].name),
                "klpctl signal wakes what signals wake; else wait, or end the task");
        if (tasks.size() > most)
            add("livepatch.asleep", Severity::warning, {},
                fmt::format("{} more tasks sleep in functions of the patch", tasks.size() - most), {});
    }

    void miss(const char* file, const char* what) {
        findings_.push_back({"livepatch.not-looked-at",
                             Severity::note,
                             file,
                             {},
                             fmt::format("cannot be read; {}", what),
                             "mount tracefs and debugfs, and run klpctl as root"});
    }

    const System& system_;
    const ModuleFacts& facts_;
    std::set<std::string> functions_;
    std::set<std::string> patched_; // of them, by what is loaded
    std::map<std::string, size_t> probes_on_ftrace_;
    std::vector<Finding> findings_;
};

} // namespace

std::vector<Finding> what_it_meets(const System& system, const ModuleFacts& facts) {
    return Meeting(system, facts).run();
}

} // namespace klp::livepatch
