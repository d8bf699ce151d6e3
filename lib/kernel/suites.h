// Debian's suites: which there are, which is this host's, and from where it gets them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// A place that packages come from, as a line of sources.list(5) has it.
struct AptSource {
    std::string uri;   // "http://deb.debian.org/debian", without a '/' at the end
    std::string suite; // "bookworm-security"
    friend bool operator==(const AptSource&, const AptSource&) = default;
};

// The sources of packages in a file of apt, in either of the two formats of sources.list(5); what is switched off, or
// is for sources, is left out.
std::vector<AptSource> parse_apt_sources(std::string_view text);

// Where Debian and its security updates are to be had.
struct Mirrors {
    std::string main = "http://deb.debian.org/debian";
    std::string security = "http://deb.debian.org/debian-security";
};
// Those that apt below `root` has for a suite of Debian, else the defaults. Throws "file.unreadable".
Mirrors mirrors_of_host(const std::filesystem::path& root = "/");

// The suites that names of kernels may speak of, oldest first: "bookworm", "bookworm-backports", ..., "sid".
const std::vector<std::string>& known_suites();

// What is read for a suite: a released one has its updates with it, security's too; backports stand alone.
std::vector<AptSource> sources_of(const std::string& suite, const Mirrors& mirrors);

// The suite of the system below `root` (os-release(5)); empty if it is none that is known.
std::string suite_of_host(const std::filesystem::path& root = "/");

// All known suites, the likeliest for a kernel of that release first: that which the release names itself
// ("6.12.117+deb13-amd64" is one of Debian 13), then the host's.
std::vector<std::string> suites_to_search(std::string_view release, const std::string& host);

} // namespace klp::kernel
