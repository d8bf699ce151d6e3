#include "kernel/debian_name.h"

#include "kernel/banner.h"
#include "kernel/suites.h"
#include "report/finding.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>

namespace klp::kernel {

namespace {

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";

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

// "cloud", "cloud-amd64" -> "cloud"; "amd64" -> "". Nothing if it can be no flavour.
std::optional<std::string> parse_flavour(std::string_view text, std::string_view architecture) {
    std::string flavour(text);
    const std::string suffix = fmt::format("-{}", architecture);
    if (flavour == architecture)
        return std::string();
    if (flavour.ends_with(suffix))
        flavour.resize(flavour.size() - suffix.size());
    if (flavour.empty() || flavour.find_first_not_of(letters_and_digits) != std::string::npos)
        return std::nullopt;
    return flavour;
}

// A release or a series, which begin with a number.
std::optional<DebianName> parse_version(std::string_view text, std::string_view architecture) {
    const std::string all(text);
    const std::string series = series_of(all);
    if (series.find('.') == std::string::npos || series.back() == '.')
        return std::nullopt;
    std::string_view rest = std::string_view(all).substr(series.size());
    if (rest.empty())
        return DebianName{.suite = {}, .release = {}, .series = series, .flavour = {}};
    if (rest.front() == '.')
        return rest.find_first_not_of(std::string(letters_and_digits) + ".+-~") == std::string_view::npos
                   ? std::optional(DebianName{.suite = {}, .release = all, .series = {}, .flavour = {}})
                   : std::nullopt;
    const auto flavour = rest.front() == '-' ? parse_flavour(rest.substr(1), architecture) : std::nullopt;
    if (!flavour)
        return std::nullopt;
    return DebianName{.suite = {}, .release = {}, .series = series, .flavour = *flavour};
}

bool is_suite(std::string_view text) {
    return std::ranges::find(known_suites(), text) != known_suites().end();
}

// "bookworm", or what stands behind its '/'.
std::optional<DebianName> parse_in_suite(std::string_view text, std::string_view architecture) {
    const size_t slash = text.find('/');
    if (!is_suite(text.substr(0, slash)))
        return std::nullopt;
    std::optional<DebianName> name = DebianName{};
    if (slash != std::string_view::npos) {
        const std::string_view rest = text.substr(slash + 1);
        name = parse_version(rest, architecture);
        if (const auto flavour = parse_flavour(rest, architecture); !name && flavour && !is_digit(rest.front()))
            name = DebianName{.suite = {}, .release = {}, .series = {}, .flavour = *flavour};
    }
    if (name)
        name->suite = text.substr(0, slash);
    return name;
}

std::string release_of_host() {
    utsname names{};
    uname(&names);
    return names.release;
}

} // namespace

std::optional<DebianName> parse_debian_name(std::string_view text, std::string_view architecture,
                                            const std::string& running) {
    if (text == "running")
        return DebianName{.suite = {}, .release = running, .series = {}, .flavour = {}};
    if (!text.empty() && is_digit(text.front()))
        return parse_version(text, architecture);
    return parse_in_suite(text, architecture);
}

std::string to_text(const DebianName& name) {
    if (!name.release.empty())
        return name.suite.empty() ? name.release : name.suite + "/" + name.release;
    std::string rest = name.series;
    if (!name.flavour.empty())
        rest += (rest.empty() ? "" : "-") + name.flavour;
    if (name.suite.empty() || rest.empty())
        return name.suite + rest;
    return name.suite + "/" + rest;
}

bool is_of_series(std::string_view release, const DebianName& name, std::string_view architecture) {
    const std::string suffix =
        name.flavour.empty() ? fmt::format("-{}", architecture) : fmt::format("-{}-{}", name.flavour, architecture);
    const std::string series = name.series.empty() ? series_of(std::string(release)) : name.series;
    if (!release.starts_with(series + ".") || !release.ends_with(suffix) ||
        release.size() < series.size() + 1 + suffix.size())
        return false;
    // In front of the flavour stands the ABI ("0-56", "117+deb12"): anything with letters behind a dash is another
    // flavour.
    const std::string_view abi = release.substr(series.size() + 1, release.size() - series.size() - 1 - suffix.size());
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

// Of uname(2)'s names for machines, those that Debian makes kernels for.
std::string debian_architecture() {
    constexpr std::array<std::pair<std::string_view, const char*>, 6> machines = {{{"x86_64", "amd64"},
                                                                                   {"aarch64", "arm64"},
                                                                                   {"ppc64le", "ppc64el"},
                                                                                   {"riscv64", "riscv64"},
                                                                                   {"loongarch64", "loong64"},
                                                                                   {"s390x", "s390x"}}};
    utsname names{};
    uname(&names);
    for (const auto& [machine, architecture] : machines)
        if (machine == names.machine)
            return architecture;
    return names.machine;
}

DebianName debian_name_of(const std::string& spec) {
    const std::string text = spec.starts_with(debian_prefix) ? spec.substr(debian_prefix.size()) : spec;
    auto name = parse_debian_name(text, debian_architecture(), release_of_host());
    if (!name)
        throw report::Refusal(
            "target.debian-name", spec, "this names no Debian kernel",
            fmt::format("write a release, debian:6.1.0-56-cloud-amd64; a series, debian:6.1-cloud; or a suite, "
                        "debian:trixie or debian:sid/cloud (there are {}); --list-kernels prints what "
                        "there is",
                        fmt::join(known_suites(), ", ")));
    return std::move(*name);
}

} // namespace klp::kernel
