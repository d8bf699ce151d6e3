#include "kernel/catalogue.h"

#include "kernel/banner.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace klp::kernel {

namespace {

struct Affixes {
    std::string_view before, after;
};

// The longest first: "linux-binary-unsigned-" begins as "linux-binary-" does.
constexpr std::array image_names = {Affixes{"linux-binary-unsigned-", ""}, Affixes{"linux-binary-", ""},
                                    Affixes{"linux-image-", "-unsigned"}, Affixes{"linux-image-", "-dbg"},
                                    Affixes{"linux-image-", ""}};

// "6.1.0-57-cloud-amd64"; not "6.12-cloud-amd64" or "cloud-amd64", which are packages that only depend on another.
bool is_release(std::string_view text, std::string_view architecture) {
    const std::string series = series_of(std::string(text));
    return series.find('.') != std::string::npos && text.size() > series.size() && text[series.size()] == '.' &&
           text.ends_with(fmt::format("-{}", architecture));
}

bool has(const PackageVersions& versions, const std::string& package, const std::string& version) {
    const auto found = versions.find(package);
    return found != versions.end() && found->second.contains(version);
}

// The ways in which an image is packaged, the best first. Since Linux 7, "linux-image-R" only depends on the others.
std::vector<std::vector<std::string>> images_of(const std::string& release, const PackageVersions& versions) {
    const std::string base = "linux-base-" + release, modules = "linux-modules-" + release;
    const std::string binary = "linux-binary-" + release, unsigned_binary = "linux-binary-unsigned-" + release;
    if (versions.contains(binary) || versions.contains(unsigned_binary))
        return {{unsigned_binary, modules, base}, {binary, modules, base}};
    return {{"linux-image-" + release + "-unsigned"}, {"linux-image-" + release}};
}

// All versions of what holds the image.
std::set<std::string> versions_of_image(const std::string& release, const PackageVersions& versions) {
    std::set<std::string> found;
    for (const std::vector<std::string>& packages : images_of(release, versions))
        if (const auto at = versions.find(packages.front()); at != versions.end())
            found.insert(at->second.begin(), at->second.end());
    return found;
}

DebianPackages in_version(const std::string& release, const std::string& version, const PackageVersions& versions) {
    const std::string debug = "linux-image-" + release + "-dbg";
    DebianPackages packages{.suite = {},
                            .release = release,
                            .version = version,
                            .image = {},
                            .debug = has(versions, debug, version) ? debug : "",
                            .headers = "linux-headers-" + release,
                            .source = "linux-source-" + series_of(release),
                            .missing = {}};
    for (const std::vector<std::string>& image : images_of(release, versions)) {
        packages.image = image;
        if (std::ranges::all_of(image, [&](const std::string& name) { return has(versions, name, version); }))
            break;
    }
    std::vector<std::string> needed = packages.image;
    needed.insert(needed.end(), {packages.headers, packages.source});
    for (const std::string& name : needed)
        if (!has(versions, name, version))
            packages.missing.push_back(fmt::format("{} {}", name, version));
    return packages;
}

bool is_better(const DebianPackages& a, const DebianPackages& b) {
    if (a.missing.size() != b.missing.size())
        return a.missing.size() < b.missing.size();
    if (a.debug.empty() != b.debug.empty())
        return b.debug.empty();
    return compare_releases(a.version, b.version) > 0;
}

std::string flavour_of(const std::string& release) {
    const size_t last = release.rfind('-');
    const size_t before = last == std::string::npos || last == 0 ? std::string::npos : release.rfind('-', last - 1);
    const std::string word = before == std::string::npos ? "" : release.substr(before + 1, last - before - 1);
    return word.empty() || std::isdigit(static_cast<unsigned char>(word.front())) != 0 ? "" : word;
}

} // namespace

std::vector<std::string> releases_of(const std::set<std::string>& packages, std::string_view architecture) {
    std::set<std::string> releases;
    for (std::string_view name : packages) {
        for (const auto& [before, after] : image_names) {
            if (!name.starts_with(before) || !name.ends_with(after))
                continue;
            const std::string_view release = name.substr(before.size(), name.size() - before.size() - after.size());
            if (is_release(release, architecture))
                releases.emplace(release);
            break;
        }
    }
    std::vector<std::string> sorted(releases.begin(), releases.end());
    std::ranges::sort(sorted, [](const std::string& a, const std::string& b) { return compare_releases(a, b) > 0; });
    return sorted;
}

DebianPackages packages_of(const std::string& release, const PackageVersions& versions) {
    std::optional<DebianPackages> best;
    for (const std::string& version : versions_of_image(release, versions)) {
        DebianPackages packages = in_version(release, version, versions);
        if (!best || is_better(packages, *best))
            best = std::move(packages);
    }
    if (best)
        return *best;
    DebianPackages nothing = in_version(release, "", versions);
    nothing.missing = {"linux-image-" + release};
    return nothing;
}

std::vector<DebianPackages> kernels_of(const PackageArchive& archive) {
    std::set<std::string> names;
    for (const char* prefix : {"linux-image-", "linux-binary-"})
        for (std::string& name : archive.names(prefix))
            names.insert(std::move(name));
    const std::vector<std::string> releases = releases_of(names, debian_architecture());
    for (const std::string& release : releases) {
        names.insert({"linux-headers-" + release, "linux-source-" + series_of(release)});
        names.insert({"linux-base-" + release, "linux-modules-" + release});
    }
    const PackageVersions versions = archive.versions({names.begin(), names.end()});
    std::vector<DebianPackages> kernels;
    for (const std::string& release : releases) {
        kernels.push_back(packages_of(release, versions));
        kernels.back().suite = archive.suite();
    }
    return kernels;
}

std::optional<DebianPackages> choose(const std::vector<DebianPackages>& kernels, const DebianName& name,
                                     std::string_view architecture) {
    const DebianPackages* without_debug = nullptr;
    for (const DebianPackages& kernel : kernels) {
        if (!kernel.is_whole() || !is_of_series(kernel.release, name, architecture))
            continue;
        if (!kernel.debug.empty())
            return kernel;
        if (!without_debug)
            without_debug = &kernel;
    }
    return without_debug ? std::optional(*without_debug) : std::nullopt;
}

std::vector<std::string> nearest(const std::vector<DebianPackages>& kernels, const DebianName& name) {
    const std::string series = name.release.empty() ? name.series : series_of(name.release);
    const std::string flavour = name.release.empty() ? name.flavour : flavour_of(name.release);
    std::vector<const DebianPackages*> whole;
    for (const DebianPackages& kernel : kernels)
        if (kernel.is_whole())
            whole.push_back(&kernel);
    std::ranges::stable_sort(whole, std::greater<>(), [&](const DebianPackages* kernel) {
        return 4 * static_cast<int>(series_of(kernel->release) == series) +
               2 * static_cast<int>(flavour_of(kernel->release) == flavour) +
               static_cast<int>(kernel->suite == name.suite);
    });
    std::vector<std::string> names;
    for (const DebianPackages* kernel : whole)
        if (names.size() < 3)
            names.push_back(fmt::format("{}{}", debian_prefix, kernel->release));
    return names;
}

} // namespace klp::kernel
