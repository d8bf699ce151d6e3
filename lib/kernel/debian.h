// Debian's kernel packages: which releases the archive has, and getting one into the cache without installing it.
#pragma once

#include "host/cache.h"
#include "kernel/archive.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// "6.1.0-56-cloud-amd64" or "6.1-cloud", as they stand behind "debian:".
struct DebianName {
    std::string release; // exact; or empty, and then:
    std::string series;  // "6.1"
    std::string flavour; // "cloud", "rt", or "" (also spelled as the architecture, "6.1-amd64") for the plain kernel
};
// Nothing if it is neither.
std::optional<DebianName> parse_debian_name(std::string_view text, std::string_view architecture);

// The same of what --kernel is given, "debian:6.1-cloud". Throws report::Refusal "target.debian-name".
inline constexpr std::string_view debian_prefix = "debian:";
DebianName debian_name_of(const std::string& spec);

// Is `release` ("6.1.0-56-cloud-amd64") one of the series and flavour?
bool is_of_series(std::string_view release, const DebianName& name, std::string_view architecture);

// <0, 0, >0 as a is older than, the same as or newer than b: numbers count as numbers.
int compare_releases(std::string_view a, std::string_view b);

// The packages of one release, of one version.
struct DebianPackages {
    std::string release;
    std::string version;
    std::string image, debug, headers, source; // package names
};
// Names them for a release; version empty.
DebianPackages packages_of(const std::string& release);
// The version that all of them have; nothing, and the missing ones named in `missing`, if there is none.
std::optional<std::string> common_version(const DebianPackages& packages, const PackageVersions& archive,
                                          std::vector<std::string>& missing);

// The unpacked packages of one release.
struct DebianKernel {
    std::string release;
    std::filesystem::path source, config, vmlinux, modules, symvers, vmlinuz, boot_modules, system_map;
};

// Throws report::Refusal "target.debian-unknown", "target.debian-incomplete", "target.download".
DebianKernel fetch_debian_kernel(const DebianName& name, const host::Cache& cache,
                                 const std::function<void(const std::string&)>& progress);

// The releases that fetch_debian_kernel() could get, newest first: those that the archive has all packages of, and
// those that are in the cache. An archive that cannot be asked is no hindrance if something is in the cache; else
// throws report::Refusal "target.download".
std::vector<std::string> available_releases(const host::Cache& cache);

// The architecture as dpkg has it: "amd64".
std::string debian_architecture();

} // namespace klp::kernel
