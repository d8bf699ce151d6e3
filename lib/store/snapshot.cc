#include "store/snapshot.h"

#include "files/files.h"
#include "livepatch/patches.h"
#include "report/finding.h"
#include "store/json_file.h"
#include "store/store.h"

namespace klp::store {

Snapshot take_snapshot(const livepatch::System& system) {
    Snapshot snapshot{livepatch::running_kernel(system).build_id, {}};
    for (const livepatch::LoadedPatch& patch : livepatch::read_patches(system)) {
        if (!patch.is_in_effect())
            continue;
        const Record record = Store(system).origin_of(patch);
        snapshot.patches.push_back({patch.name, patch.build_id, record.file, record.sha256});
    }
    return snapshot;
}

void write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot) {
    nlohmann::ordered_json patches = nlohmann::ordered_json::array();
    for (const SavedPatch& patch : snapshot.patches)
        patches.push_back(
            {{"name", patch.name}, {"build_id", patch.build_id}, {"file", patch.file}, {"sha256", patch.sha256}});
    write_json(path, {{"kernel", snapshot.kernel}, {"patches", patches}});
}

Snapshot read_snapshot(const std::filesystem::path& path) {
    files::read_text(path); // says why it cannot be read
    const std::optional<nlohmann::json> json = read_json(path);
    if (!json || !json->contains("patches") || !(*json)["patches"].is_array())
        throw report::Refusal("store.damaged", path.string(), "this is not what klpctl save writes",
                              "save the state again");
    Snapshot snapshot{text_of(*json, "kernel"), {}};
    for (const nlohmann::json& patch : (*json)["patches"])
        snapshot.patches.push_back(
            {text_of(patch, "name"), text_of(patch, "build_id"), text_of(patch, "file"), text_of(patch, "sha256")});
    return snapshot;
}

} // namespace klp::store
