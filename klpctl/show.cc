// list, status, info, uname: what is there. They change nothing and need no rights.
#include "add_command.h"
#include "commands.h"
#include "loading.h"
#include "text.h"

#include "livepatch/module_facts.h"
#include "livepatch/patches.h"
#include "livepatch/rights.h"
#include "livepatch/tasks.h"
#include "store/records.h"
#include "store/store.h"

#include <fmt/format.h>

namespace klp::ctl {

namespace {

using livepatch::LoadedPatch;
using livepatch::State;
using livepatch::System;
using nlohmann::ordered_json;

// ---- list

std::string state_text(const LoadedPatch& patch, const store::Record& record) {
    if (patch.state == State::idle && !record.replaced_by.empty())
        return "replaced by " + record.replaced_by;
    return to_string(patch.state);
}

std::string list_text(const LoadedPatch& patch, const store::Record& record) {
    std::string text = fmt::format("{}: {}{}\n", patch.name, state_text(patch, record),
                                   record.loaded_at.empty() ? "" : ", loaded " + record.loaded_at);
    if (!record.patch_files.empty())
        text += property("patches", joined(record.patch_files));
    if (!record.cves.empty())
        text += property("fixes", joined(record.cves));
    if (!record.file.empty())
        text += property("file", record.file);
    if (!record.package.empty())
        text += property("package", record.package);
    return text + object_lines(patch.objects);
}

ordered_json list_json(const LoadedPatch& patch, const store::Record& record) {
    ordered_json json = {{"name", patch.name}, {"state", to_string(patch.state)}};
    if (patch.is_replacing)
        json["replace"] = *patch.is_replacing;
    json["replaced_by"] = record.replaced_by;
    json["loaded_at"] = record.loaded_at;
    json["file"] = record.file;
    json["package"] = record.package;
    json["patch_files"] = record.patch_files;
    json["cves"] = record.cves;
    json["build_id"] = patch.build_id;
    json["objects"] = to_json(patch.objects);
    return json;
}

report::Exit list(const System& system, bool as_json) {
    ordered_json all = ordered_json::array();
    std::string text;
    for (const LoadedPatch& patch : livepatch::read_patches(system)) {
        const store::Record record = store::Store(system).origin_of(patch);
        all.push_back(list_json(patch, record));
        text += list_text(patch, record);
    }
    if (as_json)
        print({{"core", livepatch::has_core(system)}, {"patches", all}});
    else
        fmt::print("{}", text);
    return report::Exit::done;
}

// ---- list --installed

std::string installed_text(const store::Installed& installed) {
    std::string state = installed.is_accepted() ? "accepted" : "not accepted";
    if (!installed.blocked.empty())
        state += ", blocked";
    std::string text = fmt::format("{}: {}\n", installed.name, state);
    text += property("kernel", fmt::format("{}, build {}", installed.release, installed.kernel));
    if (!installed.blocked.empty())
        text += property("blocked", installed.blocked);
    if (!installed.patch_files.empty())
        text += property("patches", joined(installed.patch_files));
    if (!installed.cves.empty())
        text += property("fixes", joined(installed.cves));
    if (!installed.package.empty())
        text += property("package", installed.package);
    return text;
}

ordered_json installed_json(const store::Store& store, const store::Installed& installed) {
    return {{"name", installed.name},
            {"release", installed.release},
            {"kernel_build_id", installed.kernel},
            {"file", store.module_path(installed).string()},
            {"package", installed.package},
            {"installed_at", installed.installed_at},
            {"accepted_at", installed.accepted_at},
            {"blocked", installed.blocked},
            {"patch_files", installed.patch_files},
            {"cves", installed.cves},
            {"build_id", installed.build_id},
            {"sha256", installed.sha256}};
}

report::Exit list_installed(const System& system, bool as_json) {
    const store::Store store(system);
    ordered_json all = ordered_json::array();
    for (const store::Installed& installed : store.all()) {
        all.push_back(installed_json(store, installed));
        if (!as_json)
            fmt::print("{}", installed_text(installed));
    }
    if (as_json)
        print({{"installed", all}});
    return report::Exit::done;
}

// ---- status

struct Status {
    LoadedPatch patch;
    std::vector<livepatch::Task> tasks;
    bool is_settled() const { return patch.state == State::enabled || patch.state == State::idle; }
};

std::vector<Status> read_status(const System& system, const std::string& name) {
    std::vector<Status> all;
    for (LoadedPatch& patch : livepatch::read_patches(system))
        if (name.empty() || patch.name == name) {
            std::vector<livepatch::Task> tasks = livepatch::tasks_in_the_way(system, patch);
            all.push_back({std::move(patch), std::move(tasks)});
        }
    if (!name.empty() && all.empty())
        throw report::Refusal("livepatch.not-loaded", name, "no live patch of that name is loaded",
                              "klpctl list shows those that are");
    return all;
}

std::string status_text(const Status& status, bool sees_tasks) {
    std::string text = fmt::format("{}: {}", status.patch.name, to_string(status.patch.state));
    if (status.is_settled())
        return text + "\n";
    if (!sees_tasks)
        return text + "; which tasks are in the way is for root (CAP_SYS_ADMIN) to see\n";
    text += status.tasks.empty() ? "; no task of /proc is in the way: it is an idle task, or just ended\n"
                                 : fmt::format("; {} in the way\n", count(status.tasks.size(), "task", "tasks"));
    for (const livepatch::Task& task : status.tasks) {
        text += fmt::format("  {}\n", to_text(task));
        for (const std::string& function : task.stack)
            text += fmt::format("      {}\n", function);
    }
    return text;
}

ordered_json status_json(const Status& status, bool sees_tasks) {
    ordered_json json = {{"name", status.patch.name},
                         {"state", to_string(status.patch.state)},
                         {"transition", !status.is_settled()},
                         {"sees_tasks", sees_tasks}};
    json["tasks"] = ordered_json::array();
    for (const livepatch::Task& task : status.tasks)
        json["tasks"].push_back(to_json(task));
    return json;
}

report::Exit show_status(const System& system, const std::string& name, bool as_json) {
    const bool sees_tasks = livepatch::has_right(system, livepatch::Right::see_stacks);
    ordered_json list = ordered_json::array();
    report::Exit exit = report::Exit::done;
    for (const Status& status : read_status(system, name)) {
        if (!status.is_settled())
            exit = report::Exit::under_way;
        if (as_json)
            list.push_back(status_json(status, sees_tasks));
        else
            fmt::print("{}", status_text(status, sees_tasks));
    }
    if (as_json)
        print({{"patches", list}});
    return exit;
}

// ---- info

std::string info_text(const livepatch::ModuleFacts& facts) {
    std::string text = facts.name + "\n";
    text += property(
        "kernel", facts.release + (facts.kernel_build_id.empty() ? ", any build" : ", build " + facts.kernel_build_id));
    for (const auto& [module, id] : facts.module_ids)
        text += property("module", fmt::format("{}, build {}", module, id));
    text += property("core", facts.runtime == elf::Runtime::core ? "klp_core.ko" : "the kernel's");
    if (facts.knows_functions)
        text += property("replaces", facts.is_replacing ? "all live patches that are loaded" : "nothing");
    else
        text += property("patches", "known only when it is loaded");
    text += object_lines(facts.objects);
    for (const livepatch::PatchFile& patch : facts.patch_files)
        text += property("from", fmt::format("{} (sha256 {})", patch.name, patch.sha256));
    if (!facts.cves.empty())
        text += property("fixes", joined(facts.cves));
    if (!facts.made_by.empty())
        text += property("made by", facts.made_by);
    text += property("signed", facts.is_signed ? "yes" : "no");
    if (!facts.build_id.empty())
        text += property("build id", facts.build_id);
    return text + property("sha256", facts.sha256);
}

ordered_json info_json(const livepatch::ModuleFacts& facts) {
    ordered_json patches = ordered_json::array();
    for (const livepatch::PatchFile& patch : facts.patch_files)
        patches.push_back({{"name", patch.name}, {"sha256", patch.sha256}});
    return {{"name", facts.name},
            {"release", facts.release},
            {"kernel_build_id", facts.kernel_build_id},
            {"module_build_ids", facts.module_ids},
            {"core", facts.runtime == elf::Runtime::core ? "klp_core" : "kernel"},
            {"functions_known", facts.knows_functions},
            {"replace", facts.is_replacing},
            {"objects", to_json(facts.objects)},
            {"patch_files", patches},
            {"cves", facts.cves},
            {"made_by", facts.made_by},
            {"signed", facts.is_signed},
            {"build_id", facts.build_id},
            {"sha256", facts.sha256}};
}

report::Exit info(const System& system, const std::string& what, bool as_json) {
    const livepatch::ModuleFacts facts = read_candidate(system, what).facts;
    if (as_json)
        print(info_json(facts));
    else
        fmt::print("{}", info_text(facts));
    return report::Exit::done;
}

// ---- uname

// The release with the name of each patch that is in effect everywhere: two machines with the same text run the same.
report::Exit effective_version(const System& system, bool as_json) {
    const livepatch::RunningKernel kernel = livepatch::running_kernel(system);
    std::vector<std::string> names;
    std::string version = kernel.release;
    for (const LoadedPatch& patch : livepatch::read_patches(system))
        if (patch.state == State::enabled) {
            names.push_back(patch.name);
            version += "+" + patch.name;
        }
    if (as_json)
        print({{"version", version}, {"release", kernel.release}, {"build_id", kernel.build_id}, {"patches", names}});
    else
        fmt::print("{}\n", version);
    return report::Exit::done;
}

struct Arguments {
    std::string what;
    bool as_json = false;
    bool of_installed = false;
};

} // namespace

void declare_show(CLI::App& app, Work& chosen) {
    auto add = [&](const char* name, const char* description, auto run) {
        auto [command, arguments] = add_command<Arguments>(app, chosen, name, description, run);
        command->add_flag("--json", arguments->as_json, "print JSON");
        return std::pair(command, arguments);
    };
    auto [listing, list_arguments] =
        add("list", "the live patches that are loaded", [](const System& system, const Arguments& arguments) {
            return arguments.of_installed ? list_installed(system, arguments.as_json) : list(system, arguments.as_json);
        });
    listing->add_flag("--installed", list_arguments->of_installed, "those that are installed, for whatever kernel");
    auto [status, status_arguments] = add("status", "is a transition under way, and who holds it up?",
                                          [](const System& system, const Arguments& arguments) {
                                              return show_status(system, arguments.what, arguments.as_json);
                                          });
    status->add_option("NAME", status_arguments->what, "of this live patch only");
    auto [inform, info_arguments] =
        add("info", "what a live patch's file says of itself", [](const System& system, const Arguments& arguments) {
            return info(system, arguments.what, arguments.as_json);
        });
    inform->add_option("WHAT", info_arguments->what, "the module (.ko), or the name of one that is installed")
        ->required();
    add("uname", "the kernel's release with the patches that are in effect",
        [](const System& system, const Arguments& arguments) { return effective_version(system, arguments.as_json); });
}

} // namespace klp::ctl
