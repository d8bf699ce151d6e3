#include "store/store.h"

#include "elf/livepatch_abi.h"
#include "files/files.h"
#include "store/json_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::store {

namespace fs = std::filesystem;

namespace {

nlohmann::ordered_json to_json(const Installed& one) {
    return {{"name", one.name},
            {"kernel", one.kernel},
            {"release", one.release},
            {"file", one.file},
            {"sha256", one.sha256},
            {"build_id", one.build_id},
            {"package", one.package},
            {"installed_at", one.installed_at},
            {"replace", one.is_replacing},
            {"patch_files", one.patch_files},
            {"cves", one.cves},
            {"accepted_at", one.accepted_at},
            {"trial_boot", one.trial_boot},
            {"trial_at", one.trial_at},
            {"blocked", one.blocked}};
}

Installed from_json(const nlohmann::json& json) {
    return {.kernel = text_of(json, "kernel"),
            .name = text_of(json, "name"),
            .release = text_of(json, "release"),
            .file = text_of(json, "file"),
            .sha256 = text_of(json, "sha256"),
            .build_id = text_of(json, "build_id"),
            .package = text_of(json, "package"),
            .installed_at = text_of(json, "installed_at"),
            .is_replacing = flag_of(json, "replace"),
            .patch_files = texts_of(json, "patch_files"),
            .cves = texts_of(json, "cves"),
            .accepted_at = text_of(json, "accepted_at"),
            .trial_boot = text_of(json, "trial_boot"),
            .trial_at = text_of(json, "trial_at"),
            .blocked = text_of(json, "blocked")};
}

// The name of a new file for this content, so that the old one stays until the new one is complete.
std::string file_name(const livepatch::ModuleFacts& facts) {
    return fmt::format("{}-{}.ko", facts.name, facts.sha256.substr(0, 12));
}

} // namespace

fs::path Store::folder(const std::string& kernel) const {
    return system_.path(fmt::format("{}/{}", store_folder, kernel));
}

fs::path Store::module_path(const Installed& installed) const {
    return folder(installed.kernel) / installed.file;
}

std::vector<Installed> Store::of_kernel(const std::string& build_id) const {
    std::vector<Installed> found;
    constexpr std::string_view suffix = ".json";
    for (const std::string& name : system_.names(fmt::format("{}/{}", store_folder, build_id)))
        if (name.ends_with(suffix))
            if (std::optional<Installed> one = find(build_id, name.substr(0, name.size() - suffix.size())))
                found.push_back(std::move(*one));
    return found;
}

std::vector<Installed> Store::all() const {
    std::vector<Installed> found;
    for (const std::string& kernel : system_.folders(store_folder))
        for (Installed& one : of_kernel(kernel))
            found.push_back(std::move(one));
    return found;
}

std::optional<Installed> Store::find(const std::string& kernel, const std::string& name) const {
    const std::optional<nlohmann::json> json = read_json(folder(kernel) / (name + ".json"));
    if (!json)
        return std::nullopt;
    Installed installed = from_json(*json);
    // What leads out of the folder was not written by us.
    const bool is_ours = installed.name == name && installed.kernel == kernel && !installed.file.empty() &&
                         installed.file.find('/') == std::string::npos;
    return is_ours ? std::optional(std::move(installed)) : std::nullopt;
}

Installed Store::install(const elf::Object& module, const livepatch::ModuleFacts& facts, const std::string& kernel,
                         const std::string& package, elf::Bytes core) {
    const std::optional<Installed> before = find(kernel, facts.name);
    if (before && before->sha256 == facts.sha256 && files::try_read_text(module_path(*before)))
        return *before;
    Installed installed;
    installed.kernel = kernel;
    installed.name = facts.name;
    installed.release = facts.release;
    installed.file = file_name(facts);
    installed.sha256 = facts.sha256;
    installed.build_id = facts.build_id;
    installed.package = package;
    installed.installed_at = timestamp();
    installed.is_replacing = facts.is_replacing;
    installed.cves = facts.cves;
    for (const livepatch::PatchFile& patch : facts.patch_files)
        installed.patch_files.push_back(patch.name);
    if (!core.empty())
        write_bytes(folder(kernel) / fmt::format("{}.ko", elf::core_module), core);
    write_bytes(module_path(installed), module.file());
    try {
        update(installed);
    } catch (...) {
        if (!before || before->file != installed.file)
            files::remove_tree(module_path(installed));
        throw;
    }
    sweep(kernel);
    return installed;
}

void Store::uninstall(const Installed& installed) {
    files::remove_tree(folder(installed.kernel) / (installed.name + ".json"));
    sweep(installed.kernel);
    if (!of_kernel(installed.kernel).empty())
        return;
    files::remove_tree(folder(installed.kernel) / fmt::format("{}.ko", elf::core_module));
    std::error_code error; // what others put there keeps the folder
    fs::remove(folder(installed.kernel), error);
}

Record Store::origin_of(const livepatch::LoadedPatch& patch) const {
    if (std::optional<Record> record = find_record(system_, patch.name))
        return *record;
    Record record;
    record.name = patch.name;
    const std::optional<Installed> installed = find(livepatch::running_kernel(system_).build_id, patch.name);
    if (!installed || installed->build_id.empty() || installed->build_id != patch.build_id)
        return record;
    record.build_id = installed->build_id;
    record.file = module_path(*installed).string();
    record.sha256 = installed->sha256;
    record.package = installed->package;
    record.patch_files = installed->patch_files;
    record.cves = installed->cves;
    return record;
}

void Store::sweep(const std::string& kernel) {
    std::set<std::string> kept = {fmt::format("{}.ko", elf::core_module)};
    for (const Installed& installed : of_kernel(kernel)) {
        kept.insert(installed.file);
        kept.insert(installed.name + ".json");
    }
    for (const std::string& name : system_.names(fmt::format("{}/{}", store_folder, kernel))) {
        const bool is_ours = name.find(".ko") != std::string::npos || name.find(".json") != std::string::npos;
        if (is_ours && !kept.contains(name))
            files::remove_tree(folder(kernel) / name);
    }
}

void Store::update(const Installed& installed) {
    write_json(folder(installed.kernel) / (installed.name + ".json"), to_json(installed));
}

} // namespace klp::store
