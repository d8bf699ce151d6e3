#include "store/records.h"

#include "files/files.h"
#include "store/json_file.h"

#include <fmt/format.h>

namespace klp::store {

namespace {

std::filesystem::path path_of(const livepatch::System& system, std::string_view name) {
    return system.path(fmt::format("{}/{}.json", records_folder, name));
}

} // namespace

Record make_record(const livepatch::ModuleFacts& facts, const std::filesystem::path& file, const std::string& package) {
    Record record{facts.name, facts.build_id, file.string(), facts.sha256, package, timestamp(), {}, {}, facts.cves};
    for (const livepatch::PatchFile& patch : facts.patch_files)
        record.patch_files.push_back(patch.name);
    return record;
}

std::optional<Record> find_record(const livepatch::System& system, std::string_view name) {
    const std::optional<nlohmann::json> json = read_json(path_of(system, name));
    if (!json || text_of(*json, "build_id") != livepatch::module_build_id(system, name))
        return std::nullopt;
    return Record{.name = std::string(name),
                  .build_id = text_of(*json, "build_id"),
                  .file = text_of(*json, "file"),
                  .sha256 = text_of(*json, "sha256"),
                  .package = text_of(*json, "package"),
                  .loaded_at = text_of(*json, "loaded_at"),
                  .replaced_by = text_of(*json, "replaced_by"),
                  .patch_files = texts_of(*json, "patch_files"),
                  .cves = texts_of(*json, "cves")};
}

void write_record(const livepatch::System& system, const Record& record) {
    write_json(path_of(system, record.name), {{"name", record.name},
                                              {"build_id", record.build_id},
                                              {"file", record.file},
                                              {"sha256", record.sha256},
                                              {"package", record.package},
                                              {"loaded_at", record.loaded_at},
                                              {"replaced_by", record.replaced_by},
                                              {"patch_files", record.patch_files},
                                              {"cves", record.cves}});
}

void drop_record(const livepatch::System& system, std::string_view name) {
    files::remove_tree(path_of(system, name));
}

} // namespace klp::store
