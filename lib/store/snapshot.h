// Which live patches are in effect, to come back to that later.
#pragma once

#include "livepatch/system.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::store {

struct SavedPatch {
    std::string name;
    std::string build_id; // of the module
    std::string file;     // empty where it is not known
    std::string sha256;
};

struct Snapshot {
    std::string kernel; // build id
    std::vector<SavedPatch> patches;
};

// What `save` writes to if no file is named, below the kernel's folder, and what is kept for `rollback` since the
// start.
inline constexpr std::string_view saved_name = "saved-state";
inline constexpr std::string_view previous_file = "/run/klp/previous";

Snapshot take_snapshot(const livepatch::System& system);

// Throws report::Refusal "file.unwritable", "file.disk-full".
void write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot);

// Throws report::Refusal "file.unreadable", or "store.damaged" if it is no snapshot.
Snapshot read_snapshot(const std::filesystem::path& path);

} // namespace klp::store
