// Debian's package archive: which packages a suite has, and getting them without installing them. apt does it, with
// lists, sources and a state of its own in the cache: the host's are neither needed nor changed.
#pragma once

#include "host/cache.h"
#include "kernel/progress.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// Package name -> versions, as `apt-cache madison` prints them.
using PackageVersions = std::map<std::string, std::set<std::string>>;
PackageVersions parse_madison(std::string_view text);

// What apt-get --print-uris says of one file: 'URI' NAME SIZE HASH.
struct PackageFile {
    std::string name; // "gcc-14_14.2.0-19_amd64.deb"
    uint64_t bytes = 0;
};
std::vector<PackageFile> parse_print_uris(std::string_view text);

class PackageArchive {
public:
    // The packages of `suite` (kernel/suites.h) and its updates, from the host's mirror, checked with Debian's keys
    // (debian-archive-keyring). Lists older than a day are fetched anew; old ones do where nobody answers, which
    // `progress` is told. Throws report::Refusal "target.download", "target.archive-keys" (a signature that is not
    // good, lists that are too old, no keys).
    PackageArchive(std::string suite, const host::Cache& cache, const Progress& progress);

    const std::string& suite() const { return suite_; }

    // The names of packages that begin with `prefix`. Throws "target.download", as all of these.
    std::vector<std::string> names(const std::string& prefix) const;
    PackageVersions versions(const std::vector<std::string>& packages) const;
    // Fetches one package into `folder`, checked against the archive's signed lists by apt. Returns the file.
    std::filesystem::path download(const std::string& package, const std::string& version,
                                   const std::filesystem::path& folder) const;
    // How large the files of these packages are together, in bytes; 0 if that cannot be told.
    uint64_t bytes_of(const std::vector<std::string>& packages, const std::string& version) const;
    // Fetches `packages` ("gcc-14=14.2.0-19", "make") and all that they need, as for a system that has nothing yet,
    // into `folder`. Returns the files.
    std::vector<std::filesystem::path> download_with_needs(const std::vector<std::string>& packages,
                                                           const std::filesystem::path& folder,
                                                           const Progress& progress) const;

    // Are there lists of `suite` in the cache, of whatever age?
    static bool is_known(const std::string& suite, const host::Cache& cache);

private:
    void update(const Progress& progress) const;
    std::vector<std::string> command(const std::string& program, const std::vector<std::string>& words) const;

    std::string suite_;
    std::filesystem::path root_; // of apt's lists and state
};

} // namespace klp::kernel
