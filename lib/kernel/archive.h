// Debian's package archive, as the host's apt knows it: which packages it has, and getting them without installing
// them.
#pragma once

#include "host/cache.h"

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// Package name -> versions, as `apt-cache madison` prints them.
using PackageVersions = std::map<std::string, std::set<std::string>>;
PackageVersions parse_madison(std::string_view text);

class PackageArchive {
public:
    // With the host's sources and keys, and its lists of packages. A host without lists (a container's image) or with
    // such as only root may make anew is no hindrance: then lists of our own are fetched into `cache`, and again after
    // a day. Throws report::Refusal "target.download" if that fails.
    PackageArchive(const host::Cache& cache, const std::function<void(const std::string&)>& progress);

    // The names of packages that begin with `prefix`. Throws "target.download", as all of these.
    std::vector<std::string> names(const std::string& prefix) const;
    PackageVersions versions(const std::vector<std::string>& packages) const;
    // Fetches one package into `folder`, checked against the archive's signed lists by apt. Returns the file.
    std::filesystem::path download(const std::string& package, const std::string& version,
                                   const std::filesystem::path& folder) const;

    // What tells the lists from older ones, without asking anybody.
    static std::string state(const host::Cache& cache);

private:
    std::vector<std::string> command(const std::string& program, const std::vector<std::string>& words) const;
    std::vector<std::string> options_; // of apt
};

// What to do where the archive has not got what is wanted.
extern const std::string stale_lists_hint;

} // namespace klp::kernel
