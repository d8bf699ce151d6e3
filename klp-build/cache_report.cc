#include "cache_report.h"

#include "host/inventory.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace klp::build {

namespace {

std::string row(const host::CacheEntry& entry) {
    constexpr double mebibyte = 1 << 20;
    std::string text = fmt::format("{:9.1f}  {:%Y-%m-%d %H:%M}  {}", static_cast<double>(entry.bytes) / mebibyte,
                                   fmt::localtime(std::chrono::system_clock::to_time_t(entry.last_used)), entry.name);
    if (!entry.origin.empty())
        text += fmt::format(" ({}{})", entry.origin, entry.has_origin ? "" : ", gone");
    return text + "\n";
}

std::string table(const std::vector<host::CacheEntry>& entries) {
    std::string text = fmt::format("{:>9}  {:16}  {}\n", "MiB", "LAST USED", "ENTRY");
    uint64_t bytes = 0;
    for (const host::CacheEntry& entry : entries) {
        text += row(entry);
        bytes += entry.bytes;
    }
    return text + fmt::format("{:9.1f}  in {} entr{}\n", static_cast<double>(bytes) / (1 << 20), entries.size(),
                              entries.size() == 1 ? "y" : "ies");
}

} // namespace

std::string describe_cache(const host::Cache& cache) {
    return fmt::format("{}\n{}", cache.root().string(), table(host::list_entries(cache)));
}

std::string prune_cache(const host::Cache& cache, std::chrono::hours age) {
    const std::vector<host::CacheEntry> removed = host::prune(cache, age);
    return removed.empty() ? "nothing to remove\n" : "removed:\n" + table(removed);
}

} // namespace klp::build
