#include "reproduce.h"

#include "files/digest.h"
#include "files/files.h"
#include "kernel/debian.h"
#include "report/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace klp::build {

namespace fs = std::filesystem;

namespace {

constexpr int known_schema = 2;

[[noreturn]] void refuse_report(const fs::path& file, const std::string& why) {
    throw report::Refusal("reproduce.report", file.string(), why,
                          "give the JSON report (klp-build --report FILE.json) of a run that made a module");
}

// What there is to find of a patch: where it was, or beside the report, as a package has it.
std::optional<fs::path> find_patch(const std::string& path, size_t number, const fs::path& report) {
    const fs::path name = fs::path(path).filename();
    const fs::path folder = report.parent_path();
    for (const fs::path& place : {fs::path(path), folder / package::patch_place(number, name), folder / name})
        if (fs::is_regular_file(place))
            return place;
    return std::nullopt;
}

// The patches as the report has them; each must have the content that it had.
void take_patches(Options& options, const std::vector<std::string>& names, const std::vector<report::Input>& inputs) {
    std::vector<fs::path> given = std::exchange(options.patches, {});
    if (!given.empty() && given.size() != names.size())
        throw report::Refusal(
            "reproduce.patch", options.reproduce.string(),
            fmt::format("the report is about {} patches, and {} are given", names.size(), given.size()),
            "give all of them in their order, or none");
    std::vector<report::Input> wanted;
    std::ranges::copy_if(inputs, std::back_inserter(wanted),
                         [](const report::Input& it) { return it.role == "patch"; });
    for (size_t i = 0; i < names.size(); ++i) {
        const auto found = given.empty() ? find_patch(names[i], i + 1, options.reproduce) : std::optional(given[i]);
        if (!found)
            throw report::Refusal("reproduce.patch", names[i],
                                  "this patch is neither where it was nor beside the report",
                                  "give the patches on the command line, in their order");
        if (i < wanted.size() && !wanted[i].sha256.empty() && files::sha256_of(*found) != wanted[i].sha256)
            throw report::Refusal("reproduce.patch", found->string(), "this is not the patch that the report is about",
                                  fmt::format("its SHA-256 must be {}", wanted[i].sha256));
        options.patches.push_back(*found);
    }
}

std::vector<report::Input> inputs_of(const nlohmann::json& report) {
    std::vector<report::Input> inputs;
    for (const nlohmann::json& input : report.at("inputs"))
        inputs.push_back(
            {input.at("role"), input.at("path"), input.value("size", uint64_t{0}), input.value("sha256", "")});
    return inputs;
}

} // namespace

Reported read_report(Options& options) {
    const fs::path& file = options.reproduce;
    const nlohmann::json report = nlohmann::json::parse(files::read_text(file), nullptr, false);
    if (report.is_discarded() || !report.is_object())
        refuse_report(file, "this is no JSON");
    try {
        if (report.at("schema") > known_schema)
            refuse_report(file, "this report was made by a newer klp-build");
        if (report.at("status") != "done")
            refuse_report(file, "the run that this report is about made no module");
        Reported reported;
        reported.tool = report.at("tool");
        const nlohmann::json& module = report.at("module");
        reported.module = fs::path(module.at("path").get<std::string>()).stem().string();
        reported.unsigned_sha256 = module.at("unsigned_sha256");
        reported.inputs = inputs_of(report);
        take_patches(options, report.at("patches"), reported.inputs);
        options.name = reported.module;
        options.stack = !module.at("replace").get<bool>();
        const std::string kernel = report.at("target").at("name");
        if (options.kernel.empty() && options.source.empty()) {
            if (!kernel.starts_with(kernel::debian_prefix))
                throw report::Refusal("reproduce.report", file.string(),
                                      fmt::format("the kernel was not given by name, but as {}", kernel),
                                      "say which kernel it is, with the options that the run had");
            options.kernel = kernel;
        }
        return reported;
    } catch (const nlohmann::json::exception& error) {
        refuse_report(file,
                      fmt::format("this is no report of klp-build that names a module by hash ({})", error.what()));
    }
}

std::string compare_with(const Reported& reported, const Record& record) {
    if (record.output.unsigned_sha256 == reported.unsigned_sha256)
        return fmt::format("{}.ko: the same bytes, sha256 {}\n", reported.module, reported.unsigned_sha256);
    std::vector<std::string> reasons;
    for (const report::Input& before : reported.inputs) {
        const std::string name = fs::path(before.path).filename().string();
        const auto now = std::ranges::find_if(record.inputs, [&](const report::Input& it) {
            return it.role == before.role && fs::path(it.path).filename() == name;
        });
        if (now == record.inputs.end() || now->sha256 != before.sha256)
            reasons.push_back(fmt::format("{} {}", before.role, name));
    }
    if (const std::string tool = "klp-build " KLP_VERSION; tool != reported.tool)
        reasons.push_back(fmt::format("{} (now {})", reported.tool, tool));
    throw report::Refusal("reproduce.differs", reported.module + ".ko",
                          fmt::format("the module is another one: sha256 {} in place of {}; not as it was: {}",
                                      record.output.unsigned_sha256, reported.unsigned_sha256,
                                      reasons.empty() ? "no input" : fmt::format("{}", fmt::join(reasons, ", "))),
                          reasons.empty()
                              ? "if compiler and binutils are the same as well, this is a defect of the tool"
                              : "make it from the same inputs");
}

} // namespace klp::build
