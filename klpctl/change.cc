// load, replace, enable, disable, unload, signal, force: what is in effect.
#include "commands.h"
#include "loading.h"
#include "text.h"
#include "waiting.h"

#include "livepatch/patches.h"
#include "livepatch/rights.h"
#include "livepatch/transition.h"
#include "report/finding.h"
#include "store/records.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace klp::ctl {

namespace {

using livepatch::Operator;
using livepatch::Outcome;
using livepatch::System;

struct Arguments {
    std::string what;
    unsigned timeout = 60;
    bool is_sure = false;
};

// What the commands below are made of: the rights were looked at, nobody else is at work.
struct Bench {
    Bench(const System& machine, unsigned timeout)
        : system(machine), lock(lock_changes(machine)), kernel(machine),
          patience(ctl::patience(std::chrono::seconds(timeout))), work(system, kernel, patience) {}

    const System& system;
    host::FileLock lock;
    livepatch::RunningKernelCalls kernel;
    livepatch::Patience patience;
    Operator work;
};

void need_rights(const System& system, const char* purpose) {
    livepatch::need_right(system, livepatch::Right::load_modules, purpose);
    livepatch::need_right(system, livepatch::Right::override_files, purpose);
}

report::Exit tell(const std::string& name, Outcome outcome, std::string_view done) {
    clear_line();
    switch (outcome) {
    case Outcome::done:
        fmt::print("{}: {}\n", name, done);
        return report::Exit::done;
    case Outcome::taken_back:
        fmt::print(stderr, "{}: the transition did not end in time, or was interrupted; it was taken back\n", name);
        return report::Exit::taken_back;
    case Outcome::under_way:
        break;
    }
    fmt::print(stderr, "{}: a transition is still under way; klpctl status {} shows what it waits for\n", name, name);
    return report::Exit::under_way;
}

report::Exit load(const System& system, const Arguments& arguments) {
    need_rights(system, "load a live patch");
    const Candidate candidate = read_candidate(system, arguments.what);
    Bench bench(system, arguments.timeout);
    return tell(candidate.facts.name, load_patch(system, bench.kernel, bench.work, candidate), "in effect");
}

// The replaced ones go as well.
report::Exit replace(const System& system, const Arguments& arguments) {
    need_rights(system, "replace live patches");
    const Candidate candidate = read_candidate(system, arguments.what);
    if (candidate.facts.knows_functions && !candidate.facts.is_replacing)
        throw report::Refusal("livepatch.not-replacing", candidate.facts.name,
                              "it does not take the place of other patches",
                              "klpctl load puts it beside them; klp-build without --no-replace makes one that does");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = load_patch(system, bench.kernel, bench.work, candidate);
    if (outcome == Outcome::done)
        for (const livepatch::LoadedPatch& patch : livepatch::read_patches(system))
            if (patch.name != candidate.facts.name && patch.state == livepatch::State::idle)
                unload_patch(system, bench.work, patch.name);
    return tell(candidate.facts.name, outcome, "in effect, in place of all others");
}

report::Exit enable(const System& system, const Arguments& arguments) {
    need_rights(system, "enable a live patch");
    Bench bench(system, arguments.timeout);
    return tell(arguments.what, enable_patch(system, bench.kernel, bench.work, arguments.what), "in effect");
}

report::Exit disable(const System& system, const Arguments& arguments) {
    need_rights(system, "disable a live patch");
    Bench bench(system, arguments.timeout);
    return tell(arguments.what, bench.work.disable(arguments.what), "not in effect");
}

report::Exit unload(const System& system, const Arguments& arguments) {
    need_rights(system, "unload a live patch");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = bench.work.disable(arguments.what);
    if (outcome == Outcome::done)
        unload_patch(system, bench.work, arguments.what);
    return tell(arguments.what, outcome, "unloaded");
}

report::Exit signal(const System& system, const Arguments& arguments) {
    need_rights(system, "wake tasks");
    livepatch::RunningKernelCalls kernel(system);
    const livepatch::Patience patience = ctl::patience(std::chrono::seconds(0));
    const size_t tasks = Operator(system, kernel, patience).signal(arguments.what);
    fmt::print("{}: {} woken\n", arguments.what, count(tasks, "task"));
    return report::Exit::done;
}

// Somebody has to want it: what the kernel does then is not safe.
void ask(const std::string& name) {
    fmt::print(
        stderr,
        "{}: tasks that are inside of a patched function will run old and new code side by side, which the patch may\n"
        "not be made for, and the module can never be unloaded. Type its name to go on: ",
        name);
    std::fflush(stderr);
    std::string answer;
    if (!std::getline(std::cin, answer) || answer != name)
        throw report::Refusal("livepatch.not-confirmed", name, "nothing was done",
                              "type the patch's name when asked, or give --yes");
}

report::Exit force(const System& system, const Arguments& arguments) {
    need_rights(system, "force a transition");
    livepatch::RunningKernelCalls kernel(system);
    const livepatch::Patience patience = ctl::patience(std::chrono::seconds(0));
    Operator work(system, kernel, patience);
    work.need_transition(arguments.what);
    if (!arguments.is_sure)
        ask(arguments.what);
    work.force(arguments.what);
    fmt::print("{}: forced\n", arguments.what);
    return report::Exit::done;
}

} // namespace

void declare_change(CLI::App& app, Work& chosen) {
    auto add = [&](const char* name, const char* description, auto run) {
        auto arguments = std::make_shared<Arguments>();
        CLI::App* command = app.add_subcommand(name, description);
        command->callback([&chosen, arguments, run] {
            chosen = [arguments, run](const System& system) { return run(system, *arguments); };
        });
        return std::pair(command, arguments);
    };
    auto add_timed = [&](const char* name, const char* description, const char* what, auto run) {
        auto [command, arguments] = add(name, description, run);
        command->add_option(what, arguments->what)->required();
        command->add_option("--timeout", arguments->timeout, "seconds until it is taken back (default: 60)");
    };
    add_timed("load", "load a live patch and wait until it is in effect", "FILE", load);
    add_timed("replace", "load one in place of all others, and unload those", "FILE", replace);
    add_timed("enable", "put one in effect again that was disabled", "NAME",
              [](const System& system, const Arguments& arguments) { return enable(system, arguments); });
    add_timed("disable", "take one out of effect", "NAME", disable);
    add_timed("unload", "take one out of effect and out of the kernel", "NAME",
              [](const System& system, const Arguments& arguments) { return unload(system, arguments); });
    auto [wake, wake_arguments] = add("signal", "wake the tasks that hold a transition up", signal);
    wake->add_option("NAME", wake_arguments->what)->required();
    auto [hurry, hurry_arguments] = add("force", "end a transition although tasks are not ready", force);
    hurry->add_option("NAME", hurry_arguments->what)->required();
    hurry->add_flag("--yes", hurry_arguments->is_sure, "do not ask");
}

} // namespace klp::ctl
