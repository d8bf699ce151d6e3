// install, uninstall, accept, save, restore, rollback, boot: what outlives a restart.
#include "add_command.h"
#include "commands.h"
#include "installed.h"
#include "loading.h"
#include "restoring.h"
#include "text.h"
#include "work.h"

#include "files/files.h"
#include "report/command.h"
#include "report/finding.h"
#include "store/guard.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "symbols/kernel_files.h"

#include <fmt/format.h>

namespace klp::ctl {

namespace {

using livepatch::System;
using report::Exit;

struct Arguments {
    std::string what;
    std::string kernel;
    std::string package;
    unsigned timeout = 60;
    unsigned guard = store::guard_time.count();
    bool is_revoked = false;
};

// ---- install, uninstall, accept

// A module that names no build is for the release in its version magic, of which this kernel may be the one.
std::string kernel_of(const System& system, const livepatch::ModuleFacts& facts) {
    if (!facts.kernel_build_id.empty())
        return facts.kernel_build_id;
    const livepatch::RunningKernel kernel = livepatch::running_kernel(system);
    if (facts.release != kernel.release || kernel.build_id.empty())
        throw report::Refusal("livepatch.other-kernel", facts.name,
                              fmt::format("it is for {} and does not say which build of it; this kernel is {}",
                                          facts.release, kernel.release),
                              "install it while that kernel runs, or build it with klp-build");
    return kernel.build_id;
}

Exit install(const System& system, const Arguments& arguments) {
    need_root(system, "install a live patch");
    const elf::Object module = symbols::open_module(arguments.what);
    const livepatch::ModuleFacts facts = livepatch::read_module_facts(module);
    const std::string kernel = kernel_of(system, facts);
    std::vector<std::byte> core;
    if (facts.runtime == elf::Runtime::core)
        core = files::read_bytes(std::filesystem::path(arguments.what).parent_path() / "klp_core.ko");
    const host::FileLock lock = lock_changes(system);
    store::Store store(system);
    const store::Installed installed = store.install(module, facts, kernel, arguments.package, core);
    fmt::print("{}: installed for {} ({}){}\n", installed.name, installed.release, installed.kernel,
               installed.is_accepted() ? "" : "; it is loaded at the start once it is accepted");
    return Exit::done;
}

Exit uninstall(const System& system, const Arguments& arguments) {
    need_root(system, "uninstall a live patch");
    const host::FileLock lock = lock_changes(system);
    store::Store store(system);
    const store::Installed installed = need_installed(system, store, arguments.what, arguments.kernel);
    store.uninstall(installed);
    const bool stays = livepatch::find_patch(system, installed.name).has_value();
    fmt::print("{}: uninstalled{}\n", installed.name,
               stays ? "; it stays loaded until klpctl unload or a restart" : "");
    return Exit::done;
}

// Nobody accepts what was not seen to work, but for a kernel that does not run.
void need_effect(const System& system, const store::Installed& installed) {
    if (installed.kernel != livepatch::running_kernel(system).build_id)
        return;
    const std::optional<livepatch::LoadedPatch> patch = livepatch::find_patch(system, installed.name);
    if (!patch || patch->state != livepatch::State::enabled || patch->build_id != installed.build_id)
        throw report::Refusal("store.not-in-effect", installed.name, "it is installed and not in effect",
                              fmt::format("try it first: klpctl load {}", installed.name));
}

Exit accept(const System& system, const Arguments& arguments) {
    need_root(system, "accept a live patch");
    const host::FileLock lock = lock_changes(system);
    store::Store store(system);
    store::Installed installed = need_installed(system, store, arguments.what, arguments.kernel);
    if (!arguments.is_revoked)
        need_effect(system, installed);
    installed.accepted_at = arguments.is_revoked ? "" : now();
    installed.blocked.clear();
    store.update(installed);
    fmt::print("{}: {} loaded when {} starts\n", installed.name, arguments.is_revoked ? "not" : "from now on",
               installed.release);
    return Exit::done;
}

// ---- save, restore, rollback

std::filesystem::path state_file(const System& system, const std::string& given) {
    if (!given.empty())
        return std::filesystem::absolute(given);
    return system.path(store::store_folder) / livepatch::running_kernel(system).build_id / store::saved_name;
}

Exit save(const System& system, const Arguments& arguments) {
    if (arguments.what.empty())
        need_root(system, "save the state");
    const std::filesystem::path file = state_file(system, arguments.what);
    const store::Snapshot snapshot = store::take_snapshot(system);
    store::write_snapshot(file, snapshot);
    fmt::print("{}: {}\n", file.string(), count(snapshot.patches.size(), "live patch", "live patches"));
    return Exit::done;
}

Exit restore(const System& system, const Arguments& arguments) {
    need_root(system, "restore a state");
    const store::Snapshot wanted = store::read_snapshot(state_file(system, arguments.what));
    Bench bench(system, arguments.timeout);
    const store::Snapshot before = store::take_snapshot(system);
    const livepatch::Outcome outcome = restore_patches(bench, wanted);
    store::write_snapshot(system.path(store::previous_file), before);
    return tell("state", outcome, "as it was saved");
}

Exit rollback(const System& system, const Arguments& arguments) {
    need_root(system, "roll back");
    const std::filesystem::path file = system.path(store::previous_file);
    if (!std::filesystem::exists(file))
        throw report::Refusal("store.nothing-before", "", "klpctl changed nothing since the machine started",
                              "klpctl unload takes a patch out of effect");
    Bench bench(system, arguments.timeout);
    const store::Snapshot wanted = store::read_snapshot(file);
    const store::Snapshot before = store::take_snapshot(system);
    const livepatch::Outcome outcome = restore_patches(bench, wanted);
    store::write_snapshot(file, before);
    return tell("state", outcome, "as before the last change");
}

// ---- boot

Exit boot(const System& system, const Arguments& arguments) {
    need_root(system, "load live patches");
    if (const std::string why = why_off(system); !why.empty()) {
        fmt::print("no live patches are loaded: {}\n", why);
        return Exit::done;
    }
    Bench bench(system, arguments.timeout);
    bench.guard = std::chrono::seconds(arguments.guard);
    const std::vector<report::Finding> findings = load_accepted(bench);
    report::print(findings);
    return findings.empty() ? Exit::done : Exit::refused;
}

} // namespace

void declare_keep(CLI::App& app, Work& chosen) {
    auto add = [&](const char* name, const char* description, auto run) {
        return add_command<Arguments>(app, chosen, name, description, run);
    };
    auto add_timeout = [](CLI::App* command, Arguments& arguments) {
        command->add_option("--timeout", arguments.timeout, "seconds until a transition is taken back (default: 60)");
    };
    auto [put, put_arguments] = add("install", "keep a live patch on this machine", install);
    put->add_option("FILE", put_arguments->what)->required();
    put->add_option("--package", put_arguments->package, "the package that it comes from");
    auto [drop, drop_arguments] = add("uninstall", "keep it no longer", uninstall);
    drop->add_option("NAME", drop_arguments->what)->required();
    drop->add_option("--kernel", drop_arguments->kernel, "the release or build id of the kernel that it is for");
    auto [say_yes, yes_arguments] = add("accept", "load it when the machine starts, from now on", accept);
    say_yes->add_option("NAME", yes_arguments->what)->required();
    say_yes->add_option("--kernel", yes_arguments->kernel, "the release or build id of the kernel that it is for");
    say_yes->add_flag("--revoke", yes_arguments->is_revoked, "do not load it any more when the machine starts");
    auto [keep, keep_arguments] = add("save", "write down which patches are in effect", save);
    keep->add_option("FILE", keep_arguments->what);
    auto [bring, bring_arguments] = add("restore", "bring those in effect that were saved, and no others", restore);
    bring->add_option("FILE", bring_arguments->what);
    add_timeout(bring, *bring_arguments);
    auto [back, back_arguments] = add("rollback", "undo the last change that klpctl made", rollback);
    add_timeout(back, *back_arguments);
    auto [start, start_arguments] = add("boot", "load what is accepted; the machine's start calls it", boot);
    add_timeout(start, *start_arguments);
    start->add_option("--guard", start_arguments->guard, "seconds that a load must be survived (default: 60)");
}

} // namespace klp::ctl
