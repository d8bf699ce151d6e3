// Objects that stay in the cache for as long as nothing that they were made from has changed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace klp::kernel {

// Whether `kept` is there, and the files that it was made from are what they were, by size and time.
bool is_current(const std::filesystem::path& kept);

// Keeps `object`, made from `files` (paths relative to `directory`, or absolute), as `kept`; the list of the files
// stands beside it and is written after it. Throws as files::write().
void keep_object(const std::filesystem::path& object, const std::vector<std::string>& files,
                 const std::filesystem::path& directory, const std::filesystem::path& kept);

} // namespace klp::kernel
