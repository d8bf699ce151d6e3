#include "kernel/debian.h"

#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/banner.h"
#include "report/finding.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mutex>
#include <utility>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

std::string_view take_number(std::string_view& text) {
    size_t length = 0;
    while (length < text.size() && is_digit(text[length]))
        ++length;
    std::string_view number = text.substr(0, length);
    text.remove_prefix(length);
    while (number.size() > 1 && number.front() == '0')
        number.remove_prefix(1);
    return number;
}

// Releases with an unsigned image package in the archive's lists, of any series; newest first.
std::vector<std::string> releases_in(const PackageArchive& archive) {
    constexpr std::string_view prefix = "linux-image-", suffix = "-unsigned";
    std::vector<std::string> releases;
    for (const std::string& name : archive.names(std::string(prefix))) {
        if (name.size() > prefix.size() + suffix.size() && name.ends_with(suffix) && is_digit(name[prefix.size()]))
            releases.emplace_back(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
    }
    std::sort(releases.begin(), releases.end(),
              [](const std::string& a, const std::string& b) { return compare_releases(a, b) > 0; });
    return releases;
}

PackageVersions versions_in(const PackageArchive& archive, const std::vector<DebianPackages>& releases) {
    std::vector<std::string> names;
    for (const DebianPackages& packages : releases)
        names.insert(names.end(), {packages.image, packages.debug, packages.headers, packages.source});
    return archive.versions(names);
}

// The releases to name to somebody who asked for `wanted`: of its series if there are any, the newest ones.
std::vector<std::string> nearest(const std::vector<std::string>& releases, const std::string& series) {
    std::vector<std::string> near;
    for (const std::string& release : releases) {
        if (series_of(release) == series || release.starts_with(series + "."))
            near.push_back(release);
    }
    if (near.empty())
        near = releases;
    if (near.size() > 8)
        near.resize(8);
    return near;
}

[[noreturn]] void refuse_unknown(const std::string& wanted, const std::string& series,
                                 const std::vector<std::string>& releases) {
    const std::vector<std::string> near = nearest(releases, series);
    throw report::Refusal(
        "target.debian-unknown", "debian:" + wanted,
        near.empty() ? std::string("the package archive has no kernel images at all")
                     : fmt::format("the package archive has no such kernel; the nearest are {}", fmt::join(near, ", ")),
        stale_lists_hint);
}

DebianPackages choose_exact(const std::string& release, const PackageArchive& archive) {
    const std::vector<std::string> releases = releases_in(archive);
    if (std::find(releases.begin(), releases.end(), release) == releases.end())
        refuse_unknown(release, series_of(release), releases);
    DebianPackages packages = packages_of(release);
    std::vector<std::string> missing;
    const auto version = common_version(packages, versions_in(archive, {packages}), missing);
    if (!version)
        throw report::Refusal(
            "target.debian-incomplete", "debian:" + release,
            fmt::format("the archive no longer has all packages of this kernel in one version; "
                        "missing: {}",
                        fmt::join(missing, ", ")),
            fmt::format("newer kernels it has: {}", fmt::join(nearest(releases, series_of(release)), ", ")));
    packages.version = *version;
    return packages;
}

DebianPackages choose_newest(const DebianName& name, const std::string& architecture, const PackageArchive& archive) {
    const std::string wanted = name.series + (name.flavour.empty() ? "" : "-" + name.flavour);
    const std::vector<std::string> releases = releases_in(archive);
    std::vector<DebianPackages> candidates;
    for (const std::string& release : releases) {
        if (is_of_series(release, name, architecture))
            candidates.push_back(packages_of(release));
    }
    if (candidates.empty())
        refuse_unknown(wanted, name.series, releases);
    const PackageVersions versions = versions_in(archive, candidates);
    std::vector<std::string> missing;
    for (DebianPackages& candidate : candidates) {
        if (const auto version = common_version(candidate, versions, missing)) {
            candidate.version = *version;
            return candidate;
        }
    }
    throw report::Refusal("target.debian-incomplete", "debian:" + wanted,
                          fmt::format("of no kernel of this series does the archive have all packages; missing: {}",
                                      fmt::join(missing, ", ")),
                          stale_lists_hint);
}

void unpack(const fs::path& archive, const fs::path& folder) {
    host::run_or_refuse({.argv = {"dpkg-deb", "-x", archive.string(), folder.string()}}, "target.unpack",
                        "unpack " + archive.filename().string());
    files::remove_tree(archive);
}

// What fetching takes: where packages come from, where what is made of them is kept, and who is told of it.
struct Fetching {
    const host::Cache& cache;
    const std::function<void(const std::string&)>& progress;
    std::optional<PackageArchive> archive = {}; // once something has to be asked of it
    std::mutex mutex = {};

    const PackageArchive& the_archive() {
        const std::lock_guard lock(mutex);
        return archive ? *archive : archive.emplace(cache, progress);
    }
};

void fetch_package(const std::string& package, const std::string& version, const fs::path& folder, Fetching& fetching) {
    const host::TemporaryFolder scratch = fetching.cache.temporary();
    unpack(fetching.the_archive().download(package, version, scratch.path()), folder);
    files::remove_tree(folder / "usr/share");
}

// linux-source-6.1 holds one usr/src/linux-source-6.1.tar.xz.
fs::path fetch_source(const std::string& package, const std::string& version, Fetching& fetching) {
    return fetching.cache.common_entry(fmt::format("debian/{}_{}", package, version), [&](const fs::path& folder) {
        const host::TemporaryFolder scratch = fetching.cache.temporary();
        fetch_package(package, version, scratch.path() / "unpacked", fetching);
        const fs::path tarball = scratch.path() / "unpacked/usr/src" / (package + ".tar.xz");
        host::run_or_refuse({.argv = {"tar", "-x", "-I", "xz -T0", "--strip-components=1", "--no-same-owner", "-C",
                                      folder.string(), "-f", tarball.string()}},
                            "target.unpack", "unpack the kernel's source");
    });
}

void fetch_all(const DebianPackages& packages, const fs::path& folder, Fetching& fetching) {
    // The two large ones first.
    const std::vector<std::function<void()>> work = {
        [&] { fetch_package(packages.debug, packages.version, folder / "debug", fetching); },
        [&] { fetch_source(packages.source, packages.version, fetching); },
        [&] { fetch_package(packages.image, packages.version, folder / "image", fetching); },
        [&] { fetch_package(packages.headers, packages.version, folder / "headers", fetching); },
    };
    host::parallel_for(work.size(), static_cast<unsigned>(work.size()), [&](size_t i) { work[i](); });
    files::write(folder / "version", packages.version);
}

std::string entry_of(const std::string& release) {
    return "debian/" + release;
}

DebianKernel describe(const std::string& release, const fs::path& folder, Fetching& fetching) {
    const DebianPackages packages = packages_of(release);
    const fs::path debug = folder / "debug/usr/lib/debug";
    const fs::path headers = folder / "headers/usr/src" / packages.headers;
    const fs::path image = folder / "image";
    const std::string version = files::read_text(folder / "version");
    return {.release = release,
            .source = fetch_source(packages.source, version, fetching),
            .config = headers / ".config",
            .vmlinux = debug / "boot" / ("vmlinux-" + release),
            .modules = debug / "lib/modules" / release,
            .symvers = headers / "Module.symvers",
            .vmlinuz = image / "boot" / ("vmlinuz-" + release),
            .boot_modules = image / "lib/modules" / release,
            .system_map = debug / "boot" / ("System.map-" + release)};
}

// Which release a series means stays true until the package lists change.
std::string remember_newest(const DebianName& name, const std::string& architecture, Fetching& fetching,
                            std::optional<DebianPackages>& chosen) {
    const host::Cache& cache = fetching.cache;
    const fs::path note = cache.root() / "debian" / fmt::format("newest-{}-{}", name.series, name.flavour);
    const std::string lists = PackageArchive::state(cache);
    if (fs::exists(note)) {
        const std::string text = files::read_text(note);
        const size_t newline = text.find('\n');
        if (newline != std::string::npos && text.substr(newline + 1) == lists &&
            cache.has(entry_of(text.substr(0, newline))))
            return text.substr(0, newline);
    }
    chosen = choose_newest(name, architecture, fetching.the_archive());
    files::make_folder(note.parent_path());
    files::write(note, chosen->release + "\n" + PackageArchive::state(cache));
    return chosen->release;
}

} // namespace

std::optional<DebianName> parse_debian_name(std::string_view text, std::string_view architecture) {
    const std::string all(text);
    const std::string series = series_of(all);
    if (series.find('.') == std::string::npos || series.back() == '.')
        return std::nullopt;
    std::string_view rest = std::string_view(all).substr(series.size());
    if (rest.empty())
        return DebianName{"", series, ""};
    if (rest.front() == '.')
        return all.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.+-~") == std::string::npos
                   ? std::optional(DebianName{all, "", ""})
                   : std::nullopt;
    rest.remove_prefix(1);
    const std::string suffix = fmt::format("-{}", architecture);
    std::string flavour(rest);
    if (flavour == architecture)
        flavour.clear();
    else if (flavour.ends_with(suffix))
        flavour.resize(flavour.size() - suffix.size());
    if (all[series.size()] != '-' ||
        flavour.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos)
        return std::nullopt;
    return DebianName{"", series, flavour};
}

bool is_of_series(std::string_view release, const DebianName& name, std::string_view architecture) {
    const std::string suffix =
        name.flavour.empty() ? fmt::format("-{}", architecture) : fmt::format("-{}-{}", name.flavour, architecture);
    if (!release.starts_with(name.series + ".") || !release.ends_with(suffix))
        return false;
    // In front of the flavour stands the ABI ("0-56", "117+deb12"): anything with letters behind a dash is another
    // flavour.
    const std::string_view abi =
        release.substr(name.series.size() + 1, release.size() - name.series.size() - 1 - suffix.size());
    for (size_t i = 0; i + 1 < abi.size(); ++i) {
        if (abi[i] == '-' && !is_digit(abi[i + 1]))
            return false;
    }
    return !abi.empty();
}

int compare_releases(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const std::string_view x = take_number(a), y = take_number(b);
            if (x.size() != y.size())
                return x.size() < y.size() ? -1 : 1;
            if (x != y)
                return x < y ? -1 : 1;
            continue;
        }
        if (a.front() != b.front())
            return a.front() < b.front() ? -1 : 1;
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

DebianPackages packages_of(const std::string& release) {
    return {.release = release,
            .version = {},
            .image = "linux-image-" + release + "-unsigned",
            .debug = "linux-image-" + release + "-dbg",
            .headers = "linux-headers-" + release,
            .source = "linux-source-" + series_of(release)};
}

std::optional<std::string> common_version(const DebianPackages& packages, const PackageVersions& archive,
                                          std::vector<std::string>& missing) {
    const auto versions_of = [&archive](const std::string& name) {
        const auto found = archive.find(name);
        return found == archive.end() ? std::set<std::string>() : found->second;
    };
    std::optional<std::string> best;
    for (const std::string& version : versions_of(packages.image)) {
        std::vector<std::string> lacking;
        for (const std::string& name : {packages.debug, packages.headers, packages.source}) {
            if (!versions_of(name).contains(version))
                lacking.push_back(fmt::format("{} {}", name, version));
        }
        missing.insert(missing.end(), lacking.begin(), lacking.end());
        if (lacking.empty() && (!best || compare_releases(version, *best) > 0))
            best = version;
    }
    if (versions_of(packages.image).empty())
        missing.push_back(packages.image);
    return best;
}

std::string debian_architecture() {
    const host::Outcome outcome = host::run_or_refuse({.argv = {"dpkg", "--print-architecture"}}, "target.download",
                                                      "ask for this system's architecture");
    return outcome.output.substr(0, outcome.output.find('\n'));
}

DebianKernel fetch_debian_kernel(const DebianName& name, const host::Cache& cache,
                                 const std::function<void(const std::string&)>& progress) {
    Fetching fetching{cache, progress};
    std::optional<DebianPackages> chosen;
    const std::string release =
        name.release.empty() ? remember_newest(name, debian_architecture(), fetching, chosen) : name.release;
    const fs::path folder = cache.common_entry(entry_of(release), [&](const fs::path& empty) {
        if (!chosen)
            chosen = choose_exact(release, fetching.the_archive());
        if (progress)
            progress(
                fmt::format("fetching the packages of Debian's {} {} (once per kernel)", release, chosen->version));
        fetch_all(*chosen, empty, fetching);
    });
    return describe(release, folder, fetching);
}

std::vector<std::string> available_releases(const host::Cache& cache) {
    const auto newer = [](const std::string& a, const std::string& b) { return compare_releases(a, b) > 0; };
    std::set<std::string, decltype(newer)> releases(newer);
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache.root() / "debian", error)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_directory() && is_digit(name.front()) && cache.has(entry_of(name)))
            releases.insert(name);
    }
    try {
        const PackageArchive archive(cache, {});
        std::vector<DebianPackages> candidates;
        for (const std::string& release : releases_in(archive))
            candidates.push_back(packages_of(release));
        const PackageVersions versions = versions_in(archive, candidates);
        std::vector<std::string> missing;
        for (const DebianPackages& packages : candidates)
            if (common_version(packages, versions, missing))
                releases.insert(packages.release);
    } catch (const report::Refusal&) {
        if (releases.empty())
            throw;
    }
    return {releases.begin(), releases.end()};
}

DebianName debian_name_of(const std::string& spec) {
    const std::string text = spec.starts_with(debian_prefix) ? spec.substr(debian_prefix.size()) : spec;
    auto name = parse_debian_name(text, debian_architecture());
    if (!name)
        throw report::Refusal("target.debian-name", spec, "this names no Debian kernel",
                              "write a release, debian:6.1.0-56-cloud-amd64, or a series, debian:6.1-cloud");
    return std::move(*name);
}

} // namespace klp::kernel
