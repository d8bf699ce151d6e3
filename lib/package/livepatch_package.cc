#include "package/livepatch_package.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <chrono>

namespace klp::package {

namespace fs = std::filesystem;

namespace {

std::string as_name(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return c == '_' ? '-' : static_cast<char>(std::tolower(byte));
    });
    return text;
}

std::string summary(const LivepatchPackage& package) {
    return fmt::format("Live patch {} for Linux {}", package.module, package.kernel);
}

// What others of its kind have in common: one cumulative live patch takes the place of another.
std::string family(const LivepatchPackage& package) {
    return as_name("kernel-livepatch-" + package.kernel);
}

std::string sysfs_name(std::string module) {
    std::ranges::replace(module, '-', '_');
    return module;
}

// Lines of people's text, each behind `indent`.
std::string description(const LivepatchPackage& package, std::string_view indent) {
    std::string text = fmt::format("{}Puts these changes into the running kernel, without a restart:\n", indent);
    for (const std::string& patch : package.patches)
        text += fmt::format("{} * {}\n", indent, patch);
    if (!package.cves.empty())
        text += fmt::format("{}They are about {}.\n", indent, fmt::join(package.cves, ", "));
    return text;
}

// Keeps the module and loads it, if its kernel runs. The kernel takes no two modules of one name, so an older one of
// this name goes first; one of another name that is in effect stays so until a cumulative one has taken its place. A
// transition that does not end in time is taken back by klpctl itself.
std::string install_commands(const LivepatchPackage& package) {
    const std::string command = package.is_cumulative ? "replace" : "load";
    return fmt::format("if command -v klpctl >/dev/null; then\n"
                       "\tklpctl install --package '{0}' '{1}' || true\n"
                       "\tif [ \"$(uname -r)\" = '{2}' ] && [ -d /sys/kernel/livepatch ]; then\n"
                       "\t\tif [ -d '/sys/kernel/livepatch/{4}' ]; then\n"
                       "\t\t\tklpctl unload '{4}' || true\n"
                       "\t\tfi\n"
                       "\t\tif klpctl {3} '{4}'; then\n"
                       "\t\t\tklpctl accept '{4}' || true\n"
                       "\t\telse\n"
                       "\t\t\techo '{0}: the live patch is installed and not in effect; see klpctl status' >&2\n"
                       "\t\tfi\n"
                       "\tfi\n"
                       "fi\n",
                       package_name(package), module_place(package).string(), package.kernel, command,
                       sysfs_name(package.module));
}

std::string remove_commands(const LivepatchPackage& package) {
    return fmt::format("if command -v klpctl >/dev/null; then\n"
                       "\tif [ -d '/sys/kernel/livepatch/{0}' ]; then\n"
                       "\t\tklpctl unload '{0}' || echo '{1}: the live patch stays in effect; see klpctl status' >&2\n"
                       "\tfi\n"
                       "\tklpctl uninstall --kernel '{2}' '{0}' || true\n"
                       "fi\n",
                       sysfs_name(package.module), package_name(package), package.kernel);
}

// What kernel packages of rpm distributions provide, where rpm takes the release for a version: of one '-' at most.
// Otherwise the folder that they own.
std::string rpm_kernel_relation(const LivepatchPackage& package) {
    return std::ranges::count(package.kernel, '-') <= 1 ? "kernel-uname-r = " + package.kernel
                                                        : "/lib/modules/" + package.kernel;
}

int year_of(const LivepatchPackage& package) {
    const std::chrono::sys_seconds date{std::chrono::seconds(package.date)};
    return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(date)).year());
}

std::string kernel_relation(const LivepatchPackage& package) {
    const std::string version = package.kernel_version.empty() ? "" : fmt::format(" (= {})", package.kernel_version);
    return fmt::format("linux-image-{0}{1} | linux-image-{0}-unsigned{1}", package.kernel, version);
}

// A spec is a program: `%(rm x)` in any value would be run.
LivepatchPackage escaped_for_spec(LivepatchPackage package) {
    for (std::string* value : {&package.module, &package.version, &package.kernel, &package.maintainer})
        *value = as_spec_text(*value);
    for (std::vector<std::string>* values : {&package.patches, &package.cves})
        std::ranges::transform(*values, values->begin(), as_spec_text);
    return package;
}

} // namespace

std::string package_name(const LivepatchPackage& package) {
    return as_name(fmt::format("kernel-livepatch-{}-{}", package.kernel, package.module));
}

fs::path module_place(const LivepatchPackage& package) {
    return fs::path("/usr/lib/klp-livepatch") / package.kernel / (package.module + ".ko");
}

fs::path document_folder(const LivepatchPackage& package) {
    return fs::path("/usr/share/doc") / package_name(package);
}

fs::path patch_place(size_t number, const fs::path& name) {
    return fs::path("patches") / fmt::format("{:02}", number) / name;
}

std::string file_name(const LivepatchPackage& package, Format format) {
    return format == Format::deb
               ? fmt::format("{}_{}_{}.deb", package_name(package), package.version, package.machine)
               : fmt::format("{}-{}-1.{}.rpm", package_name(package), package.version, package.machine);
}

std::string deb_control(const LivepatchPackage& package, uint64_t installed_size) {
    std::string text = fmt::format("Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: {}\nInstalled-Size: {}\n"
                                   "Section: kernel\nPriority: optional\nDepends: {}\nRecommends: klpctl\n"
                                   "Provides: {}\n",
                                   package_name(package), package.version, package.machine, package.maintainer,
                                   installed_size, kernel_relation(package), family(package));
    if (package.is_cumulative)
        text += fmt::format("Conflicts: {0}\nReplaces: {0}\n", family(package));
    return text + fmt::format("Description: {}\n", summary(package)) + description(package, " ");
}

std::string deb_postinst(const LivepatchPackage& package) {
    return "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n" + install_commands(package) + "fi\n";
}

std::string deb_prerm(const LivepatchPackage& package) {
    // An upgrade, or a package that this one is removed in favour of, brings what takes its place (deb-prerm(5)).
    return "#!/bin/sh\nset -e\nif [ \"$1\" = remove ] && [ \"$2\" != in-favour ]; then\n" + remove_commands(package) +
           "fi\n";
}

std::string deb_copyright(const LivepatchPackage& package) {
    return fmt::format(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: {}\n\nFiles: *\nCopyright: 1991-{} the authors of the Linux kernel and of the patches\n"
        "License: GPL-2\n On Debian systems, the full text of the GNU General Public License version 2\n"
        " is in /usr/share/common-licenses/GPL-2.\n",
        package.module, year_of(package));
}

std::string deb_changelog(const LivepatchPackage& package) {
    return fmt::format("{} ({}) unstable; urgency=medium\n\n  * Live patch made from {}.\n\n -- {}  "
                       "{:%a, %d %b %Y %H:%M:%S} +0000\n",
                       package_name(package), package.version, fmt::join(package.patches, ", "), package.maintainer,
                       fmt::gmtime(static_cast<std::time_t>(package.date)));
}

std::string as_spec_text(std::string_view text) {
    std::string escaped;
    for (const char c : text)
        escaped.append(c == '%' ? 2 : 1, c);
    return escaped;
}

std::string rpm_spec(const LivepatchPackage& given) {
    const LivepatchPackage package = escaped_for_spec(given);
    std::string text = fmt::format(
        // What is packed is finished: nothing is stripped, compressed or looked through for what it provides.
        "%global debug_package %{{nil}}\n%global __os_install_post %{{nil}}\n%global _build_id_links none\n"
        "%global _binary_payload w9.gzdio\n"
        "Name: {}\nVersion: {}\nRelease: 1\nSummary: {}\nLicense: GPL-2.0-only\nGroup: System "
        "Environment/Kernel\nPackager: {}\n"
        "AutoReqProv: no\nRequires: {}\nRecommends: klpctl\nProvides: {}\n",
        package_name(package), package.version, summary(package), package.maintainer, rpm_kernel_relation(package),
        family(package));
    if (package.is_cumulative)
        text += fmt::format("Conflicts: {}\n", family(package));
    // rpmbuild empties the build root first.
    text += "\n%description\n" + description(package, "") +
            "\n%install\nmkdir -p %{buildroot}\ncp -a %{klp_root}/. %{buildroot}/\n\n%files\n"
            "%defattr(0644, root, root, 0755)\n";
    // The documents by their folder: in names of files rpm would look for patterns.
    for (const Content& content : given.contents)
        if (!content.place.string().starts_with(document_folder(given).string()))
            text += fmt::format("\"{}\"\n", as_spec_text(content.place.string()));
    text += fmt::format("%doc \"{}\"\n", document_folder(package).string());
    // $1: how many of this name are left after it (rpm's scriptlet arguments).
    text += "\n%post\n" + install_commands(package) + "exit 0\n\n%preun\nif [ \"$1\" = 0 ]; then\n" +
            remove_commands(package) + "fi\nexit 0\n";
    return text + fmt::format("\n%changelog\n* {:%a %b %d %Y} {} - {}-1\n- Live patch made from {}.\n",
                              fmt::gmtime(static_cast<std::time_t>(package.date)), package.maintainer, package.version,
                              fmt::join(package.patches, ", "));
}

} // namespace klp::package
