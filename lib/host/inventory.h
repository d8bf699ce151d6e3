// What lies in a cache, for people: how large it is, when it was last used, and what is no longer good for anything.
#pragma once

#include "host/cache.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace klp::host {

struct CacheEntry {
    std::string name;           // "kernel/6.12.117-0123456789abcdef"
    std::filesystem::path path; // its folder
    std::string origin;         // what it was made from, as note_origin() has it; empty where that was not said
    uint64_t bytes = 0;         // on the disk
    std::chrono::system_clock::time_point last_used;
    bool has_origin = true; // false: the folder or file that it was made from is gone, so nobody can use it
};

// Notes in the folder of an entry (that is being made) which folder or file it is made from.
void note_origin(const std::filesystem::path& folder, const std::filesystem::path& origin);

// All finished entries, the one last used first. Reads the whole cache to tell sizes.
std::vector<CacheEntry> list_entries(const Cache& cache);

// Removes the entries whose origin is gone, and those that nobody used for `age`. Returns what was removed. An entry
// whose lock somebody holds stays.
std::vector<CacheEntry> prune(const Cache& cache, std::chrono::hours age);

// The same for entries whose origin is gone and that nobody used for a day, without reading sizes: quick enough to be
// done by the way.
void prune_orphans(const Cache& cache);

} // namespace klp::host
