// Which of Debian's kernels a suite has, and in which packages each of them is.
#pragma once

#include "kernel/archive.h"
#include "kernel/debian_name.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// The packages of one release, of one version.
struct DebianPackages {
    std::string suite;
    std::string release;
    std::string version;
    std::vector<std::string> image; // boot image, modules and System.map: one package, three since Linux 7
    std::string debug;              // empty: there is none, and symbols come from the boot image
    std::string headers, source;
    std::vector<std::string> missing; // what of the above is not there in that version
    bool is_whole() const { return missing.empty(); }
};

// The releases of kernels that the names of packages speak of ("linux-image-6.1.0-57-cloud-amd64-unsigned"), newest
// first.
std::vector<std::string> releases_of(const std::set<std::string>& packages, std::string_view architecture);

// In which packages `release` is, in the version of which the most is there. A signed image does where there is no
// unsigned one: it has the same bytes and a signature behind them.
DebianPackages packages_of(const std::string& release, const PackageVersions& versions);

// All kernels of a suite, newest first, whole or not. Throws what PackageArchive does.
std::vector<DebianPackages> kernels_of(const PackageArchive& archive);

// The newest of `kernels` (newest first) that is whole and is what `name` says: one with debug data where there is any.
std::optional<DebianPackages> choose(const std::vector<DebianPackages>& kernels, const DebianName& name,
                                     std::string_view architecture);

// Up to three whole kernels, as names that --kernel takes, to tell somebody who asked for `name`: of its series and
// flavour first.
std::vector<std::string> nearest(const std::vector<DebianPackages>& kernels, const DebianName& name);

} // namespace klp::kernel
