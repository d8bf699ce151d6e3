#include "kernel/debian.h"

#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/arrival.h"
#include "kernel/banner.h"
#include "kernel/kernel_layout.h"
#include "kernel/suites.h"
#include "report/finding.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Where packages come from, where what is made of them is kept, and who is told of it.
struct Fetching {
    const host::Cache& cache;
    const Progress& progress;
    const OnConfiguration on_configuration = {};
    std::map<std::string, std::vector<DebianPackages>> kernels = {}; // by suite, once they were asked for
    std::optional<report::Refusal> unasked = {};                     // the last one of kernels_if_asked()

    const std::vector<DebianPackages>& kernels_in(const std::string& suite) {
        auto found = kernels.find(suite);
        if (found == kernels.end())
            found = kernels.emplace(suite, kernels_of(PackageArchive(suite, cache, progress))).first;
        return found->second;
    }
    // The same where others may have what is wanted: a suite that cannot be asked, or trusted, has nothing, and its
    // refusal is kept.
    const std::vector<DebianPackages>& kernels_if_asked(const std::string& suite) {
        static const std::vector<DebianPackages> none;
        try {
            return kernels_in(suite);
        } catch (const report::Refusal& refusal) {
            unasked = refusal;
            if (progress)
                progress(fmt::format("{} is left out: {}", suite, refusal.findings().front().message));
            return none;
        }
    }
};

std::string entry_of(const std::string& release) {
    return "debian/" + release;
}

// Those of the suites whose lists are here.
std::vector<DebianPackages> known_kernels(Fetching& fetching) {
    for (const std::string& suite : known_suites())
        if (PackageArchive::is_known(suite, fetching.cache))
            fetching.kernels_if_asked(suite);
    std::vector<DebianPackages> all;
    for (const auto& [suite, kernels] : fetching.kernels)
        all.insert(all.end(), kernels.begin(), kernels.end());
    std::ranges::stable_sort(all, [](const DebianPackages& a, const DebianPackages& b) {
        return compare_releases(a.release, b.release) > 0;
    });
    return all;
}

[[noreturn]] void refuse(const std::string& code, const DebianName& name, std::string what, Fetching& fetching) {
    const std::vector<std::string> near = nearest(known_kernels(fetching), name);
    if (!near.empty())
        what += fmt::format("; the nearest are {}", fmt::join(near, ", "));
    throw report::Refusal(code, std::string(debian_prefix) + to_text(name), what,
                          "klp-build --list-kernels prints what each suite has");
}

// In the suites that `name` leaves open, the first that has all of it.
DebianPackages choose_exact(const DebianName& name, Fetching& fetching) {
    const std::vector<std::string> suites =
        name.suite.empty() ? suites_to_search(name.release, suite_of_host()) : std::vector<std::string>{name.suite};
    std::optional<DebianPackages> incomplete;
    for (const std::string& suite : suites)
        for (const DebianPackages& packages : fetching.kernels_if_asked(suite)) {
            if (packages.release != name.release)
                continue;
            if (packages.is_whole())
                return packages;
            incomplete = packages;
        }
    if (!incomplete && fetching.unasked)
        throw report::Refusal(*fetching.unasked);
    if (!incomplete)
        refuse("target.debian-unknown", name, "no suite of Debian has such a kernel, or has it any more", fetching);
    refuse("target.debian-incomplete", name,
           fmt::format("{} no longer has all packages of this kernel in one version; missing: {}", incomplete->suite,
                       fmt::join(incomplete->missing, ", ")),
           fetching);
}

DebianPackages choose_newest(const DebianName& name, const std::string& architecture, Fetching& fetching) {
    const std::vector<DebianPackages>& kernels = fetching.kernels_in(name.suite);
    if (std::optional<DebianPackages> found = choose(kernels, name, architecture))
        return *found;
    std::vector<std::string> missing;
    for (const DebianPackages& packages : kernels)
        if (is_of_series(packages.release, name, architecture))
            missing.insert(missing.end(), packages.missing.begin(), packages.missing.end());
    if (missing.empty())
        refuse("target.debian-unknown", name, fmt::format("{} has no such kernel", name.suite), fetching);
    if (missing.size() > 4)
        missing.resize(4);
    refuse(
        "target.debian-incomplete", name,
        fmt::format("of no such kernel does {} have all packages; missing: {}", name.suite, fmt::join(missing, ", ")),
        fetching);
}

void fetch_package(const std::string& package, const DebianPackages& kernel, const PackageArchive& archive,
                   const fs::path& downloads, const fs::path& folder) {
    const fs::path file = archive.download(package, kernel.version, downloads / package);
    host::run_or_refuse({.argv = {"dpkg-deb", "-x", file.string(), folder.string()}}, "target.unpack",
                        "unpack " + file.filename().string());
    files::remove_tree(file);
    files::remove_tree(folder / "usr/share");
}

std::string source_entry(const std::string& package, const std::string& version) {
    return fmt::format("debian/{}_{}", package, version);
}

// linux-source-6.1 holds one usr/src/linux-source-6.1.tar.xz.
fs::path fetch_source(const DebianPackages& kernel, const fs::path& downloads, Fetching& fetching) {
    return fetching.cache.common_entry(source_entry(kernel.source, kernel.version), [&](const fs::path& folder) {
        const PackageArchive archive(kernel.suite, fetching.cache, fetching.progress);
        const fs::path unpacked = downloads / "source";
        fetch_package(kernel.source, kernel, archive, downloads, unpacked);
        const fs::path tarball = unpacked / "usr/src" / (kernel.source + ".tar.xz");
        host::run_or_refuse({.argv = {"tar", "-x", "-I", "xz -T0", "--strip-components=1", "--no-same-owner", "-C",
                                      folder.string(), "-f", tarball.string()}},
                            "target.unpack", "unpack the kernel's source");
    });
}

constexpr uint64_t megabyte = 1000 * 1000;

uint64_t bytes_of(const DebianPackages& kernel, const PackageArchive& archive, const host::Cache& cache) {
    std::vector<std::string> packages = kernel.image;
    packages.push_back(kernel.headers);
    if (!kernel.debug.empty())
        packages.push_back(kernel.debug);
    if (!cache.has(source_entry(kernel.source, kernel.version)))
        packages.push_back(kernel.source);
    return archive.bytes_of(packages, kernel.version);
}

// The small packages, which have the configuration: what follows from it need not wait for the large ones.
void fetch_configuration(const DebianPackages& kernel, const PackageArchive& archive, const fs::path& downloads,
                         const fs::path& folder, const OnConfiguration& on_configuration) {
    for (const std::string& package : kernel.image)
        fetch_package(package, kernel, archive, downloads, folder / "image");
    fetch_package(kernel.headers, kernel, archive, downloads, folder / "headers");
    if (!on_configuration)
        return;
    try {
        const NamedKernel found = find_parts({folder / "image", folder / "headers"}, kernel.release);
        on_configuration(std::string(debian_prefix) + kernel.release, found.config);
    } catch (const report::Refusal&) {
        // Who needs it asks again, and is heard then.
    }
}

void fetch_all(const DebianPackages& kernel, const fs::path& folder, Fetching& fetching) {
    const PackageArchive archive(kernel.suite, fetching.cache, fetching.progress);
    const uint64_t bytes = bytes_of(kernel, archive, fetching.cache);
    if (fetching.progress)
        fetching.progress(fmt::format("fetching the packages of Debian's {} {} from {}, {} MB (once per kernel)",
                                      kernel.release, kernel.version, kernel.suite, bytes / megabyte));
    const host::TemporaryFolder scratch = fetching.cache.temporary();
    const fs::path& downloads = scratch.path();
    const ArrivalWatch watch(downloads, bytes, fetching.progress);
    // The two large ones first.
    std::vector<std::function<void()>> work;
    if (!kernel.debug.empty())
        work.emplace_back([&] { fetch_package(kernel.debug, kernel, archive, downloads, folder / "debug"); });
    work.emplace_back([&] { fetch_source(kernel, downloads, fetching); });
    work.emplace_back([&] { fetch_configuration(kernel, archive, downloads, folder, fetching.on_configuration); });
    host::parallel_for(work.size(), static_cast<unsigned>(work.size()), [&](size_t i) { work[i](); });
    files::write(folder / "suite", kernel.suite);
    files::write(folder / "version", kernel.version);
}

// What a kernel's entry in the cache says of itself; entries that were made before there were suites say no suite.
DebianPackages read_note(const std::string& release, const fs::path& folder) {
    DebianPackages kernel;
    kernel.release = release;
    kernel.version = files::read_text(folder / "version");
    kernel.suite = files::try_read_text(folder / "suite").value_or(suite_of_host());
    kernel.source = "linux-source-" + series_of(release);
    return kernel;
}

NamedKernel describe(const std::string& release, const fs::path& folder, const fs::path& source) {
    NamedKernel kernel = find_parts({folder / "debug", folder / "image", folder / "headers"}, release);
    kernel.name = std::string(debian_prefix) + release;
    kernel.source = source;
    return kernel;
}

// Which release a name means today.
std::string newest_release(DebianName name, Fetching& fetching, std::optional<DebianPackages>& chosen) {
    if (name.suite.empty())
        name.suite = suite_of_host();
    if (name.suite.empty())
        throw report::Refusal(
            "target.debian-name", std::string(debian_prefix) + to_text(name),
            "this host is no Debian, so the name has to say the suite",
            fmt::format("write debian:SUITE/{}; suites are {}", to_text(name), fmt::join(known_suites(), ", ")));
    const host::Cache& cache = fetching.cache;
    const fs::path note =
        cache.root() / "debian" / fmt::format("newest-{}-{}-{}", name.suite, name.series, name.flavour);
    std::error_code error;
    const fs::file_time_type asked = fs::last_write_time(note, error);
    if (!error && fs::file_time_type::clock::now() - asked < std::chrono::days(1))
        if (const std::string release = files::read_text(note); cache.has(entry_of(release)))
            return release;
    chosen = choose_newest(name, debian_architecture(), fetching);
    files::make_folder(note.parent_path());
    files::write(note, chosen->release);
    return chosen->release;
}

} // namespace

NamedKernel fetch_debian_kernel(const DebianName& name, const host::Cache& cache, const Progress& progress,
                                const OnConfiguration& on_configuration) {
    Fetching fetching{cache, progress, on_configuration};
    std::optional<DebianPackages> chosen;
    DebianName exact = name;
    exact.release = name.release.empty() ? newest_release(name, fetching, chosen) : name.release;
    const fs::path folder = cache.common_entry(entry_of(exact.release), [&](const fs::path& empty) {
        if (!chosen)
            chosen = choose_exact(exact, fetching);
        fetch_all(*chosen, empty, fetching);
    });
    const DebianPackages packages = read_note(exact.release, folder);
    const host::TemporaryFolder scratch = cache.temporary();
    return describe(packages.release, folder, fetch_source(packages, scratch.path(), fetching));
}

std::vector<OfferedKernel> offered_kernels(const std::vector<std::string>& suites, const host::Cache& cache,
                                           const Progress& progress) {
    Fetching fetching{cache, progress};
    std::vector<OfferedKernel> offered;
    for (const std::string& suite : suites)
        for (const DebianPackages& packages : fetching.kernels_if_asked(suite))
            offered.push_back({packages, cache.has(entry_of(packages.release))});
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(cache.root() / "debian", error)) {
        const std::string release = entry.path().filename().string();
        const bool is_kernel = entry.is_directory() && std::isdigit(static_cast<unsigned char>(release.front())) != 0;
        const auto is_it = [&](const OfferedKernel& it) { return it.packages.release == release; };
        if (is_kernel && cache.has(entry_of(release)) && std::ranges::none_of(offered, is_it))
            offered.push_back({read_note(release, entry.path()), true});
    }
    if (offered.empty() && fetching.unasked)
        throw report::Refusal(*fetching.unasked);
    std::ranges::stable_sort(offered, [](const OfferedKernel& a, const OfferedKernel& b) {
        return compare_releases(a.packages.release, b.packages.release) > 0;
    });
    return offered;
}

} // namespace klp::kernel
