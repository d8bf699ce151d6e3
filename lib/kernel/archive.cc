#include "kernel/archive.h"

#include "files/files.h"
#include "files/text.h"
#include "host/process.h"
#include "kernel/arrival.h"
#include "kernel/suites.h"
#include "report/finding.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

const fs::path keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

fs::path root_of(const std::string& suite, const host::Cache& cache) {
    return cache.root() / "apt" / suite;
}

bool has_lists(const fs::path& root) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(root / "state/lists", error))
        if (entry.path().filename().string().find("_Packages") != std::string::npos)
            return true;
    return false;
}

// Written when the lists were fetched.
fs::path mark_of(const fs::path& root) {
    return root / "fetched";
}

std::string sources_text(const std::string& suite) {
    std::string text;
    for (const AptSource& source : sources_of(suite, mirrors_of_host()))
        text += fmt::format("deb [signed-by={}] {} {} main\n", keyring.string(), source.uri, source.suite);
    return text;
}

bool is_recent(const fs::path& root, const std::string& sources) {
    std::error_code error;
    const fs::file_time_type time = fs::last_write_time(mark_of(root), error);
    return !error && fs::file_time_type::clock::now() - time < std::chrono::days(1) &&
           files::read_text(mark_of(root)) == sources;
}

template <size_t count>
bool has_any(const std::string& text, const std::array<std::string_view, count>& signs) {
    return std::ranges::any_of(signs, [&](std::string_view sign) { return text.find(sign) != std::string::npos; });
}

// As apt's methods and gpgv's one word it (apt-pkg/acquire-item.cc, methods/gpgv.cc, methods/connect.cc).
constexpr std::array untrusted = {std::string_view("GPG error"),         std::string_view("is not signed"),
                                  std::string_view("NO_PUBKEY"),         std::string_view("is expired"),
                                  std::string_view("not valid yet"),     std::string_view("invalid signature"),
                                  std::string_view("Hash Sum mismatch"), std::string_view("File has unexpected size")};
constexpr std::array unreachable = {
    std::string_view("Could not resolve"),    std::string_view("Temporary failure resolving"),
    std::string_view("Could not connect"),    std::string_view("Cannot initiate the connection"),
    std::string_view("Unable to connect"),    std::string_view("Connection failed"),
    std::string_view("Connection timed out"), std::string_view("Network is unreachable")};

std::string complaints_of(const std::string& errors) {
    std::vector<std::string_view> lines;
    for (std::string_view line : files::lines_of(errors))
        if (line.starts_with("E: ") || line.starts_with("W: "))
            lines.push_back(line.substr(3));
    if (lines.size() > 3)
        lines.resize(3);
    return lines.empty() ? host::last_lines(errors, 3) : fmt::format("{}", fmt::join(lines, "\n"));
}

[[noreturn]] void refuse_untrusted(const std::string& where, const std::string& reason) {
    throw report::Refusal(
        "target.archive-keys", where, reason,
        "the archive, or what stands between, gives what Debian did not sign; for a suite that is newer than "
        "this system, a newer debian-archive-keyring may have its key");
}

void require_keys() {
    if (!fs::exists(keyring))
        throw report::Refusal("target.archive-keys", keyring.string(), "Debian's keys are not on this system",
                              "install debian-archive-keyring");
}

[[noreturn]] void refuse_download(const std::string& what, const std::string& errors) {
    files::refuse_full_disk(errors, what);
    if (has_any(errors, untrusted))
        refuse_untrusted(what, complaints_of(errors));
    throw report::Refusal("target.download", what, complaints_of(errors),
                          "is the mirror that this system's apt uses reachable, and does it have this suite?");
}

} // namespace

PackageVersions parse_madison(std::string_view text) {
    PackageVersions result;
    for (std::string_view line : files::lines_of(text)) {
        const size_t first = line.find('|');
        const size_t second = first == std::string_view::npos ? first : line.find('|', first + 1);
        if (second != std::string_view::npos && line.ends_with(" Packages"))
            result[std::string(files::trimmed(line.substr(0, first)))].emplace(
                files::trimmed(line.substr(first + 1, second - first - 1)));
    }
    return result;
}

std::vector<PackageFile> parse_print_uris(std::string_view text) {
    std::vector<PackageFile> found;
    for (std::string_view line : files::lines_of(text)) {
        const std::vector<std::string> words = files::words_of(line);
        PackageFile file;
        if (words.size() < 3 || !words[0].starts_with('\''))
            continue;
        file.name = words[1];
        const char* end = words[2].data() + words[2].size();
        if (std::from_chars(words[2].data(), end, file.bytes).ptr == end)
            found.push_back(std::move(file));
    }
    return found;
}

namespace {

uint64_t sum_of_bytes(std::string_view uris) {
    uint64_t bytes = 0;
    for (const PackageFile& file : parse_print_uris(uris))
        bytes += file.bytes;
    return bytes;
}

} // namespace

PackageArchive::PackageArchive(std::string suite, const host::Cache& cache, const Progress& progress)
    : suite_(std::move(suite)), root_(root_of(suite_, cache)) {
    require_keys();
    for (const char* folder : {"state/lists/partial", "cache/archives/partial"})
        files::make_folder(root_ / folder);
    const host::FileLock between_runs = host::FileLock::wait(root_ / "lock");
    const std::string sources = sources_text(suite_);
    if (is_recent(root_, sources) && has_lists(root_))
        return;
    files::write(root_ / "sources.list", sources);
    files::write(root_ / "status", ""); // of dpkg: a system that has nothing
    update(progress);
    files::write(mark_of(root_), sources);
}

void PackageArchive::update(const Progress& progress) const {
    if (progress)
        progress(fmt::format("fetching the lists of packages of Debian's {} (once a day)", suite_));
    const host::Outcome outcome = host::run({.argv = command("apt-get", {"-q", "update", "--error-on=any"})});
    if (outcome.status == 0)
        return;
    // An archive that lies is never passed over in silence; one that cannot be asked does no harm.
    if (has_any(outcome.errors, untrusted) || !has_any(outcome.errors, unreachable) || !has_lists(root_))
        refuse_download("the lists of " + suite_, outcome.errors);
    if (progress)
        progress(
            fmt::format("the mirror cannot be reached; the lists of {} that were fetched before are used", suite_));
}

bool PackageArchive::is_known(const std::string& suite, const host::Cache& cache) {
    return has_lists(root_of(suite, cache));
}

// apt.conf(5), DIRECTORIES. What the host has for proxies and the like stays in effect; pins and sources do not.
std::vector<std::string> PackageArchive::command(const std::string& program,
                                                 const std::vector<std::string>& words) const {
    const std::string root = root_.string();
    std::vector<std::string> argv = {program};
    for (const std::string& setting :
         {"Dir::State=" + root + "/state", "Dir::Cache=" + root + "/cache", "Dir::State::status=" + root + "/status",
          "Dir::Etc::sourcelist=" + root + "/sources.list", std::string("Dir::Etc::sourceparts=/dev/null"),
          std::string("Dir::Etc::preferences=/dev/null"), std::string("Dir::Etc::preferencesparts=/dev/null"),
          std::string("APT::Sandbox::User=root"), std::string("Acquire::Retries=3"),
          std::string("Acquire::Languages=none"),
          // A container's apt keeps none, which costs a second for each question.
          std::string("Dir::Cache::pkgcache=pkgcache.bin"), std::string("Dir::Cache::srcpkgcache=srcpkgcache.bin"),
          std::string("Debug::NoLocking=1")}) {
        argv.emplace_back("-o");
        argv.push_back(setting);
    }
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

std::vector<std::string> PackageArchive::names(const std::string& prefix) const {
    const host::Outcome outcome = host::run_or_refuse({.argv = command("apt-cache", {"pkgnames", prefix})},
                                                      "target.download", "list the packages of " + suite_);
    const std::vector<std::string_view> lines = files::lines_of(outcome.output);
    return {lines.begin(), lines.end()};
}

PackageVersions PackageArchive::versions(const std::vector<std::string>& packages) const {
    std::vector<std::string> words = {"madison"};
    words.insert(words.end(), packages.begin(), packages.end());
    return parse_madison(
        host::run_or_refuse({.argv = command("apt-cache", words)}, "target.download", "ask for packages' versions")
            .output);
}

uint64_t PackageArchive::bytes_of(const std::vector<std::string>& packages, const std::string& version) const {
    std::vector<std::string> words = {"-q", "--print-uris", "download"};
    for (const std::string& package : packages)
        words.push_back(package + "=" + version);
    return sum_of_bytes(host::run({.argv = command("apt-get", words)}).output);
}

fs::path PackageArchive::download(const std::string& package, const std::string& version,
                                  const fs::path& folder) const {
    files::make_folder(folder);
    const host::Outcome outcome =
        host::run({.argv = command("apt-get", {"-q", "download", package + "=" + version}), .directory = folder});
    if (outcome.status != 0)
        refuse_download(fmt::format("{} {}", package, version), outcome.errors);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".deb")
            return entry.path();
    }
    throw report::Refusal("target.download", package, "apt-get said that it succeeded, and there is no file",
                          "run again with -v to see the command");
}

std::vector<fs::path> PackageArchive::download_with_needs(const std::vector<std::string>& packages,
                                                          const fs::path& folder, const Progress& progress) const {
    files::make_folder(folder / "partial");
    std::vector<std::string> words = {"-q", "-y", "-o", "Dir::Cache::archives=" + folder.string(),
                                      "--no-install-recommends"};
    const auto install = [&](const char* how) {
        std::vector<std::string> all = words;
        all.insert(all.end(), {how, "install"});
        all.insert(all.end(), packages.begin(), packages.end());
        return host::run({.argv = command("apt-get", all)});
    };
    const ArrivalWatch watch(folder, sum_of_bytes(install("--print-uris").output), progress);
    const host::Outcome outcome = install("--download-only");
    if (outcome.status != 0)
        refuse_download(fmt::format("packages of {}", suite_), outcome.errors);
    std::vector<fs::path> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".deb")
            found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
}

} // namespace klp::kernel
