// How people name Debian's kernels.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace klp::kernel {

// What stands behind "debian:".
//
//   6.1.0-57-cloud-amd64     a release, as uname -r says it
//   running                  the release of this machine's kernel
//   6.1-cloud, 6.1           the newest of a series and flavour, in the host's suite
//   trixie                   the newest of a suite
//   sid/cloud, bookworm/6.12-cloud, sid/7.2.13+deb14-cloud-amd64
//                            any of these in a suite
struct DebianName {
    std::string suite;   // "trixie"; empty: not said
    std::string release; // exact; or empty, and then:
    std::string series;  // "6.1"; empty: whichever is the newest
    std::string flavour; // "cloud", "rt", or "" (also spelled as the architecture, "6.1-amd64") for the plain kernel
};

// Nothing if it is none. `running` is what uname -r says here.
std::optional<DebianName> parse_debian_name(std::string_view text, std::string_view architecture,
                                            const std::string& running);

// The same of what --kernel is given, "debian:6.1-cloud". Throws report::Refusal "target.debian-name".
inline constexpr std::string_view debian_prefix = "debian:";
DebianName debian_name_of(const std::string& spec);

// As it is written, without the prefix: "sid/7.2-cloud".
std::string to_text(const DebianName& name);

// Is `release` ("6.1.0-56-cloud-amd64") one of the series and flavour?
bool is_of_series(std::string_view release, const DebianName& name, std::string_view architecture);

// <0, 0, >0 as a is older than, the same as or newer than b: numbers count as numbers.
int compare_releases(std::string_view a, std::string_view b);

// This machine's architecture as Debian has it: "amd64".
std::string debian_architecture();

} // namespace klp::kernel
