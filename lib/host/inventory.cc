#include "host/inventory.h"

#include "files/files.h"
#include "host/seal.h"

#include <algorithm>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::system_clock;

constexpr std::string_view marker = ".complete";

fs::path note_of(const fs::path& folder) {
    return folder / "origin";
}

// The marker's time is that of the last use (Cache::entry).
Clock::time_point last_use(const fs::path& folder) {
    struct stat status{};
    if (stat((folder.string() + std::string(marker)).c_str(), &status) != 0)
        return {};
    return Clock::from_time_t(status.st_mtim.tv_sec);
}

// Hard links count once, as du(1) has it.
uint64_t size_of(const fs::path& folder) {
    uint64_t blocks = 0;
    std::set<std::pair<dev_t, ino_t>> seen;
    std::error_code error;
    for (const fs::directory_entry& item : fs::recursive_directory_iterator(folder, error)) {
        struct stat status{};
        if (lstat(item.path().c_str(), &status) == 0 &&
            (status.st_nlink < 2 || S_ISDIR(status.st_mode) || seen.emplace(status.st_dev, status.st_ino).second))
            blocks += static_cast<uint64_t>(status.st_blocks);
    }
    constexpr uint64_t block = 512; // stat(2)
    return blocks * block;
}

// Entries without their sizes: KIND/NAME.complete.
std::vector<CacheEntry> find_entries(const Cache& cache) {
    std::vector<CacheEntry> entries;
    std::error_code error;
    for (const fs::directory_entry& kind : fs::directory_iterator(cache.root(), error)) {
        std::error_code no_folder;
        for (const fs::directory_entry& item : fs::directory_iterator(kind.path(), no_folder)) {
            std::string path = item.path().string();
            if (!path.ends_with(marker))
                continue;
            path.resize(path.size() - marker.size());
            CacheEntry entry{.name = fs::path(path).lexically_relative(cache.root()).string(),
                             .path = path,
                             .origin = files::try_read_text(note_of(path)).value_or(""),
                             .last_used = last_use(path)};
            std::error_code ignored;
            entry.has_origin = entry.origin.empty() || fs::exists(entry.origin, ignored);
            entries.push_back(std::move(entry));
        }
    }
    return entries;
}

// The marker goes first: without it the rest is what a killed run left.
bool remove(const CacheEntry& entry) {
    const FileLock lock = FileLock::try_now(entry.path.string() + ".lock");
    if (!lock)
        return false;
    files::remove_tree(entry.path.string() + std::string(marker));
    break_seal(entry.path);
    files::remove_tree(entry.path.string() + ".lock");
    return true;
}

} // namespace

void note_origin(const fs::path& folder, const fs::path& origin) {
    files::write(note_of(folder), origin.string());
}

std::vector<CacheEntry> list_entries(const Cache& cache) {
    std::vector<CacheEntry> entries = find_entries(cache);
    for (CacheEntry& entry : entries)
        entry.bytes = size_of(entry.path);
    std::ranges::sort(entries, std::ranges::greater{}, &CacheEntry::last_used);
    return entries;
}

std::vector<CacheEntry> prune(const Cache& cache, std::chrono::hours age) {
    std::vector<CacheEntry> removed;
    for (CacheEntry& entry : list_entries(cache))
        if ((!entry.has_origin || entry.last_used <= Clock::now() - age) && remove(entry))
            removed.push_back(std::move(entry));
    return removed;
}

void prune_orphans(const Cache& cache) {
    for (const CacheEntry& entry : find_entries(cache))
        if (!entry.has_origin && entry.last_used < Clock::now() - std::chrono::days(1))
            remove(entry);
}

} // namespace klp::host
