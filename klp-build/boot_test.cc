#include "boot_test.h"

#include "resources.h"

#include "files/files.h"
#include "host/process.h"
#include "report/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace klp::build {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

host::Outcome run_machinery(std::vector<std::string> words, const fs::path& temporary) {
    std::vector<std::string> argv = {"python3", "-B", "-m", "boottest"};
    std::ranges::move(words, std::back_inserter(argv));
    host::Command command{.argv = std::move(argv), .environment = {{"PYTHONPATH", boottest_parent().string()}}};
    if (!temporary.empty())
        command.environment["TMPDIR"] = temporary.string();
    return host::run_or_refuse(command, "test.broken", "boot a kernel");
}

Json parse(const std::string& text) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        throw report::Refusal("test.broken", "boottest", "what came of the test cannot be read",
                              "install klp-build again");
    return json;
}

report::TestRun run_of(const Json& json) {
    report::TestRun run{json.at("name"), {}, json.at("transcript")};
    for (const Json& it : json.at("steps"))
        run.steps.push_back({it.at("name"), it.at("passed"), it.at("seconds"), it.at("text"),
                             it.contains("status") ? std::optional<int>(it.at("status")) : std::nullopt});
    return run;
}

report::BootTest facts_of(const Json& json, const Options& options) {
    report::BootTest test{json.at("passed"), json.at("accelerator"), options.test_script.string(), {}, {}};
    for (const Json& it : json.at("runs"))
        test.runs.push_back(run_of(it));
    for (const Json& it : json.at("functions"))
        test.functions.push_back({it.at("object"), it.at("name"), it.at("called"),
                                  it.contains("calls") ? std::optional<uint64_t>(it.at("calls")) : std::nullopt});
    return test;
}

// boottest/trial.py, Plan.
Json plan_of(const Options& options, const kernel::Target& target, const std::vector<UnitDiff>& units,
             const FinishedModules& modules) {
    Json plan = {{"vmlinuz", fs::absolute(target.vmlinuz).string()},
                 {"release", target.release},
                 {"livepatch", modules.livepatch.string()}};
    if (!target.boot_modules.empty())
        plan["modules_dir"] = target.boot_modules.string();
    if (target.boot_modules.empty() || kernel::is_out_of_tree(target))
        for (const auto& [name, path] : target.modules)
            plan["modules"][name] = fs::absolute(path).string();
    if (!modules.core.empty())
        plan["core"] = modules.core.string();
    if (!options.over.empty())
        plan["over"] = fs::absolute(options.over).string();
    plan["objects"] = Json::array();
    plan["functions"] = Json::array();
    for (const UnitDiff& unit : units) {
        if (!unit.diff.nothing_changed)
            plan["objects"].push_back(unit.unit.owner);
        for (const diff::Item& item : unit.diff.items)
            if (item.change == diff::Change::changed && item.kind == "function")
                plan["functions"].push_back({{"object", unit.unit.owner}, {"name", item.name}});
    }
    if (!options.test_script.empty())
        plan["script"] = fs::absolute(options.test_script).string();
    return plan;
}

std::string names(const report::BootTest& test, std::string_view called) {
    std::vector<std::string> found;
    for (const report::TestedFunction& function : test.functions)
        if (function.called == called)
            found.push_back(function.name);
    return fmt::format("{}", fmt::join(found, ", "));
}

} // namespace

void check_boot_test(const Options& options) {
    if (!options.is_tested)
        return;
    std::vector<std::string> words = {"check"};
    if (!options.test_script.empty())
        words.push_back(fs::absolute(options.test_script).string());
    refuse_errors(report::findings_from(parse(run_machinery(words, {}).output).at("findings")));
}

void check_bootable(const Options& options, const kernel::Target& target) {
    if (!options.is_tested)
        return;
    if (target.arch != "x86")
        throw report::Refusal("test.other-machine", target.name,
                              fmt::format("--test boots kernels for x86 only, and this one is for {}", target.arch),
                              "leave --test out, and try the module on such a machine");
    if (target.vmlinuz.empty())
        throw report::Refusal(
            "test.no-image", target.name, "--test is to boot the kernel, and vmlinux is no image that boots",
            "--vmlinuz names the image (bzImage, /boot/vmlinuz-RELEASE); beside a vmlinux it is only booted");
    files::read_bytes(target.vmlinuz);
}

BootTested boot_test(const Options& options, const kernel::Target& target, const std::vector<UnitDiff>& units,
                     const FinishedModules& modules, const fs::path& folder) {
    files::make_folder(folder);
    const fs::path plan = folder / "plan", result = folder / "result";
    files::write(plan, plan_of(options, target, units, modules).dump());
    run_machinery({"run", plan.string(), result.string()}, folder);
    const Json json = parse(files::read_text(result));
    return {facts_of(json, options), report::findings_from(json.at("findings"))};
}

std::string outcome_of(const report::BootTest& test) {
    std::string text =
        fmt::format("{} in {} boot{} ({})", test.passed ? "passed" : "failed", test.runs.size(),
                    test.runs.size() == 1 ? "" : "s", test.accelerator == "tcg" ? "emulated" : test.accelerator);
    const std::vector<std::pair<const char*, std::string>> groups = {
        {"called", names(test, "yes")},
        {"not called", names(test, "no")},
        {"called or not is not known", names(test, "unknown")}};
    for (const auto& [what, functions] : groups)
        if (!functions.empty())
            text += fmt::format("; {}: {}", what, functions);
    return text;
}

} // namespace klp::build
