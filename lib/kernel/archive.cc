#include "kernel/archive.h"

#include "files/files.h"
#include "host/process.h"
#include "report/finding.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

const std::string stale_lists_hint =
    "the package lists may be old: run `apt-get update`; Debian 12's kernels are in the suites "
    "bookworm and bookworm-security";

namespace {

const fs::path lists_of_host = "/var/lib/apt/lists";

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

bool has_lists(const fs::path& folder) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
        if (entry.path().filename().string().find("_Packages") != std::string::npos)
            return true;
    return false;
}

fs::path own_root(const host::Cache& cache) {
    return cache.root() / "apt";
}

bool is_recent(const fs::path& folder) {
    std::error_code error;
    const fs::file_time_type time = fs::last_write_time(folder, error);
    return !error && fs::file_time_type::clock::now() - time < std::chrono::days(1);
}

// apt with lists and an archive of its own, and all else as the host has it (apt.conf(5), DIRECTORIES).
std::vector<std::string> own_options(const fs::path& root) {
    for (const char* folder : {"state/lists/partial", "cache/archives/partial"})
        files::make_folder(root / folder);
    return {"-o", "Dir::State=" + (root / "state").string(), "-o", "Dir::Cache=" + (root / "cache").string(),
            "-o", "Dir::State::status=/var/lib/dpkg/status"};
}

} // namespace

PackageVersions parse_madison(std::string_view text) {
    PackageVersions result;
    for (std::string_view line : lines_of(text)) {
        const size_t first = line.find('|');
        const size_t second = first == std::string_view::npos ? first : line.find('|', first + 1);
        if (second != std::string_view::npos && line.ends_with(" Packages"))
            result[std::string(trimmed(line.substr(0, first)))].emplace(
                trimmed(line.substr(first + 1, second - first - 1)));
    }
    return result;
}

PackageArchive::PackageArchive(const host::Cache& cache, const std::function<void(const std::string&)>& progress) {
    if (has_lists(lists_of_host))
        return;
    const fs::path root = own_root(cache);
    options_ = own_options(root);
    const host::FileLock between_runs = host::FileLock::wait(root / "lock");
    if (has_lists(root / "state/lists") && is_recent(root / "state/lists"))
        return;
    if (progress)
        progress("fetching lists of packages, since apt has none");
    host::run_or_refuse({.argv = command("apt-get", {"-q", "update"})}, "target.download", "fetch lists of packages");
    std::error_code ignored; // unchanged lists leave the folder's time as it was
    fs::last_write_time(root / "state/lists", fs::file_time_type::clock::now(), ignored);
}

std::vector<std::string> PackageArchive::command(const std::string& program,
                                                 const std::vector<std::string>& words) const {
    std::vector<std::string> argv = {program, "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"};
    argv.insert(argv.end(), options_.begin(), options_.end());
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

std::vector<std::string> PackageArchive::names(const std::string& prefix) const {
    const host::Outcome outcome = host::run_or_refuse({.argv = command("apt-cache", {"pkgnames", prefix})},
                                                      "target.download", "list the kernel packages");
    const std::vector<std::string_view> lines = lines_of(outcome.output);
    return {lines.begin(), lines.end()};
}

PackageVersions PackageArchive::versions(const std::vector<std::string>& packages) const {
    std::vector<std::string> words = {"madison"};
    words.insert(words.end(), packages.begin(), packages.end());
    return parse_madison(host::run_or_refuse({.argv = command("apt-cache", words)}, "target.download",
                                             "ask for the kernel packages' versions")
                             .output);
}

fs::path PackageArchive::download(const std::string& package, const std::string& version,
                                  const fs::path& folder) const {
    files::make_folder(folder);
    const host::Command download{.argv = command("apt-get", {"-q", "download", package + "=" + version}),
                                 .directory = folder};
    try {
        host::run_or_refuse(download, "target.download", fmt::format("download {} {}", package, version));
    } catch (const report::Refusal& refusal) {
        if (refusal.findings().front().code != "target.download")
            throw;
        report::Finding finding = refusal.findings().front();
        finding.hint = stale_lists_hint;
        throw report::Refusal(finding);
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".deb")
            return entry.path();
    }
    throw report::Refusal("target.download", package, "apt-get said that it succeeded, and there is no file",
                          stale_lists_hint);
}

std::string PackageArchive::state(const host::Cache& cache) {
    if (has_lists(lists_of_host))
        return files::stamp(lists_of_host);
    const fs::path lists = own_root(cache) / "state/lists";
    return is_recent(lists) ? files::stamp(lists) : "old";
}

} // namespace klp::kernel
