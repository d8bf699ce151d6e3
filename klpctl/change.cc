// load, replace, enable, disable, unload, signal, force: what is in effect.
#include "add_command.h"
#include "commands.h"
#include "loading.h"
#include "text.h"
#include "work.h"

#include "livepatch/patches.h"
#include "livepatch/transition.h"
#include "report/finding.h"
#include "store/snapshot.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
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

// Does `change`, which gives an Outcome, and keeps what was in effect before for rollback.
template <typename Change>
Outcome keeping_previous(Bench& bench, const Change& change) {
    const store::Snapshot before = store::take_snapshot(bench.system);
    const Outcome outcome = change();
    if (outcome != Outcome::taken_back)
        store::write_snapshot(bench.system.path(store::previous_file), before);
    return outcome;
}

report::Exit load(const System& system, const Arguments& arguments) {
    need_root(system, "load a live patch");
    const Candidate candidate = read_candidate(system, arguments.what);
    Bench bench(system, arguments.timeout);
    const Outcome outcome = keeping_previous(bench, [&] { return load_patch(bench, candidate); });
    return tell(candidate.facts.name, outcome, "in effect");
}

// Loads one in place of all others, whose modules go as well.
Outcome replace_all(Bench& bench, const Candidate& candidate) {
    const Outcome outcome = load_patch(bench, candidate);
    if (outcome == Outcome::done)
        for (const livepatch::LoadedPatch& patch : livepatch::read_patches(bench.system))
            if (patch.name != candidate.facts.name && patch.state == livepatch::State::idle)
                unload_patch(bench, patch.name);
    return outcome;
}

report::Exit replace(const System& system, const Arguments& arguments) {
    need_root(system, "replace live patches");
    const Candidate candidate = read_candidate(system, arguments.what);
    if (candidate.facts.knows_functions && !candidate.facts.is_replacing)
        throw report::Refusal("livepatch.not-replacing", candidate.facts.name,
                              "it does not take the place of other patches",
                              "klpctl load puts it beside them; klp-build without --no-replace makes one that does");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = keeping_previous(bench, [&] { return replace_all(bench, candidate); });
    return tell(candidate.facts.name, outcome, "in effect, in place of all others");
}

report::Exit enable(const System& system, const Arguments& arguments) {
    need_root(system, "enable a live patch");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = keeping_previous(bench, [&] { return enable_patch(bench, arguments.what); });
    return tell(arguments.what, outcome, "in effect");
}

report::Exit disable(const System& system, const Arguments& arguments) {
    need_root(system, "disable a live patch");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = keeping_previous(bench, [&] { return bench.work.disable(arguments.what); });
    return tell(arguments.what, outcome, "not in effect");
}

report::Exit unload(const System& system, const Arguments& arguments) {
    need_root(system, "unload a live patch");
    Bench bench(system, arguments.timeout);
    const Outcome outcome = keeping_previous(bench, [&] {
        const Outcome disabled = bench.work.disable(arguments.what);
        if (disabled == Outcome::done)
            unload_patch(bench, arguments.what);
        return disabled;
    });
    return tell(arguments.what, outcome, "unloaded");
}

report::Exit signal(const System& system, const Arguments& arguments) {
    need_root(system, "wake tasks");
    livepatch::RunningKernelCalls kernel(system);
    const livepatch::Patience patience = ctl::patience(std::chrono::seconds(0));
    const size_t tasks = Operator(system, kernel, patience).signal(arguments.what);
    fmt::print("{}: {} woken\n", arguments.what, count(tasks, "task", "tasks"));
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
    need_root(system, "force a transition");
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
        return add_command<Arguments>(app, chosen, name, description, run);
    };
    auto add_timed = [&](const char* name, const char* description, const char* what, auto run) {
        auto [command, arguments] = add(name, description, run);
        command->add_option(what, arguments->what)->required();
        command->add_option("--timeout", arguments->timeout, "seconds until it is taken back (default: 60)");
    };
    add_timed("load", "load a live patch and wait until it is in effect", "WHAT", load);
    add_timed("replace", "load one in place of all others, and unload those", "WHAT", replace);
    add_timed("enable", "put one in effect again that was disabled", "NAME", enable);
    add_timed("disable", "take one out of effect", "NAME", disable);
    add_timed("unload", "take one out of effect and out of the kernel", "NAME", unload);
    auto [wake, wake_arguments] = add("signal", "wake the tasks that hold a transition up", signal);
    wake->add_option("NAME", wake_arguments->what)->required();
    auto [hurry, hurry_arguments] = add("force", "end a transition although tasks are not ready", force);
    hurry->add_option("NAME", hurry_arguments->what)->required();
    hurry->add_flag("--yes", hurry_arguments->is_sure, "do not ask");
}

} // namespace klp::ctl
