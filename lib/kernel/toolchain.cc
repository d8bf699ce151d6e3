#include "kernel/toolchain.h"

#include "files/files.h"
#include "files/text.h"
#include "host/enclosure.h"
#include "kernel/suites.h"
#include "report/finding.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// What kbuild calls, beside the compiler (Documentation/process/changes.rst), and what Debian's own build depends on
// for the parts of a kernel that a module needs.
constexpr std::array tools = {
    "base-files", "bash",       "bc",         "binutils", "bison",    "bzip2",      "coreutils", "cpio",  "dash",
    "diffutils",  "findutils",  "flex",       "gawk",     "grep",     "gzip",       "hostname",  "kmod",  "libc6-dev",
    "libdw-dev",  "libelf-dev", "libssl-dev", "m4",       "openssl",  "make",       "pahole",    "patch", "perl",
    "python3",    "rsync",      "sed",        "tar",      "xz-utils", "zlib1g-dev", "zstd"};

// Names under which programs of other names are called; Debian makes such links as packages are set up.
struct Link {
    const char* name;
    const char* to;
};
constexpr std::array links = {Link{"usr/bin/sh", "dash"}, Link{"usr/bin/awk", "gawk"}, Link{"usr/bin/yacc", "bison"}};

void make_link(const fs::path& place, const fs::path& to) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(place)))
        fs::create_symlink(to, place, ignored);
}

void make_frame(const fs::path& root) {
    for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
        files::make_folder(root / "usr" / name);
        make_link(root / name, fs::path("usr") / name);
    }
    // Where an installed klp-build has its share, for which there is no room otherwise (host/enclosure.h).
    files::make_folder(root / "usr/share/klp-build");
    files::make_folder(root / "etc");
}

// Of a system, only what programs are and read: folders that everybody may write to are none of it.
constexpr std::array left_out = {
    "boot", "dev", "home", "media", "mnt", "opt",           "proc",          "root",
    "run",  "srv", "sys",  "tmp",   "var", "usr/share/doc", "usr/share/man", "usr/share/locale"};

void unpack(const fs::path& package, const fs::path& root, const host::Cache& cache) {
    const host::TemporaryFolder scratch = cache.temporary();
    const fs::path tarball = scratch.path() / "data.tar";
    host::run_or_refuse({.argv = {"dpkg-deb", "--fsys-tarfile", package.string()}, .output = tarball}, "target.unpack",
                        "unpack " + package.filename().string());
    host::Command extract{.argv = {"tar", "-x", "--keep-directory-symlink", "--no-same-owner", "--no-same-permissions",
                                   "-C", root.string(), "-f", tarball.string()}};
    for (const char* folder : left_out)
        extract.argv.push_back(fmt::format("--exclude=./{}", folder));
    host::run_or_refuse(extract, "target.unpack", "unpack " + package.filename().string());
    files::remove_tree(package);
}

// "gcc-14_14.2.0-19_amd64.deb" -> "gcc-14 14.2.0-19"; ':' of versions is written %3a.
std::string package_line(const fs::path& file) {
    const std::string name = file.stem().string();
    const size_t first = name.find('_'), second = name.find('_', first + 1);
    std::string version = name.substr(first + 1, second - first - 1);
    if (const size_t colon = version.find("%3a"); colon != std::string::npos)
        version = fmt::format("{}:{}", version.substr(0, colon), version.substr(colon + 3));
    return fmt::format("{} {}", name.substr(0, first), version);
}

// Nothing of it is run while it is made: packages are unpacked, not set up.
void make_system(const CompilerPackage& compiler, const PackageArchive& archive, const fs::path& root,
                 const host::Cache& cache, const Progress& progress) {
    std::vector<std::string> wanted = {compiler.name + "=" + compiler.version};
    wanted.insert(wanted.end(), tools.begin(), tools.end());
    const host::TemporaryFolder scratch = cache.temporary();
    const std::vector<fs::path> packages = archive.download_with_needs(wanted, scratch.path(), progress);
    make_frame(root);
    std::string manifest;
    for (const fs::path& package : packages) {
        manifest += package_line(package) + "\n";
        unpack(package, root, cache);
    }
    for (const Link& link : links)
        make_link(root / link.name, link.to);
    // Programs of the build itself are compiled by the same compiler.
    make_link(root / "usr/bin/gcc", compiler.name);
    files::write(root / "packages", manifest);
}

host::Enclosure enclosure_of(const fs::path& root, const host::Cache& cache) {
    return {.root = root, .writable = cache.roots(), .readable = {}};
}

// The first suite that has the compiler in that version.
std::optional<PackageArchive> archive_with(const CompilerPackage& compiler, const std::string& kernel,
                                           const host::Cache& cache, const Progress& progress) {
    for (const std::string& suite : suites_to_search(kernel, suite_of_host())) {
        PackageArchive archive(suite, cache, progress);
        const PackageVersions versions = archive.versions({compiler.name});
        const auto found = versions.find(compiler.name);
        if (found != versions.end() && found->second.contains(compiler.version))
            return archive;
    }
    return std::nullopt;
}

[[noreturn]] void refuse_unknown(const Config& config, const std::string& where) {
    throw report::Refusal(
        "compiler.missing", where,
        fmt::format("the kernel was built with \"{}\", and no suite of Debian has that compiler, or has it "
                    "any more",
                    config.value("CC_VERSION_TEXT")),
        "install that compiler; or, for a folder that holds a system with it, give --toolchain DIR");
}

// Whoever misses a compiler shall not be told of a mirror alone.
[[noreturn]] void refuse_unasked(const Config& config, const std::string& where, const report::Refusal& reason) {
    const report::Finding& finding = reason.findings().front();
    throw report::Refusal(
        "compiler.missing", where,
        fmt::format("the kernel was built with \"{}\", which is not installed, and Debian's archive could "
                    "not be asked for it: {}: {}",
                    config.value("CC_VERSION_TEXT"), finding.where, finding.message),
        "install that compiler; or, for a folder that holds a system with it, give --toolchain DIR");
}

std::string text_after_program(const std::string& version_text) {
    return version_text.substr(version_text.find(' ') + 1);
}

Compiler in_own_system(const Config& config, const std::string& where, const std::string& kernel,
                       const host::Cache& cache, const Progress& progress) {
    const std::string& text = config.value("CC_VERSION_TEXT");
    const std::optional<CompilerPackage> package = package_of_compiler(text);
    if (!package)
        refuse_unknown(config, where);
    const std::string entry = fmt::format("toolchain/{}_{}", package->name, package->version);
    const fs::path root = cache.common_entry(entry, [&](const fs::path& folder) {
        const std::optional<PackageArchive> archive = archive_with(*package, kernel, cache, progress);
        if (!archive)
            refuse_unknown(config, where);
        if (progress)
            progress(fmt::format("making a system with {} {} from {} (once per compiler)", package->name,
                                 package->version, archive->suite()));
        make_system(*package, *archive, folder, cache, progress);
        host::enclosure_here(enclosure_of(folder, cache));
    });
    return {.path = root / "usr/bin" / package->name,
            .name = package->name,
            .version = text_after_program(text),
            .system = host::enclosure_here(enclosure_of(root, cache))};
}

// A system in a folder of the user's.
host::Enclosure given_system(const fs::path& folder, const host::Cache& cache) {
    std::error_code ignored;
    if (!fs::is_directory(folder / "usr/bin", ignored) || !fs::is_directory(folder / "etc", ignored))
        throw report::Refusal("toolchain.no-system", folder.string(),
                              "there is no system in this folder (usr/bin, etc)",
                              "give the top of a root file system; or --toolchain kernel, which makes one");
    return host::enclosure_here(enclosure_of(fs::canonical(folder), cache));
}

} // namespace

std::optional<CompilerPackage> package_of_compiler(std::string_view version_text) {
    constexpr std::string_view mark = " (Debian ";
    const size_t begin = version_text.find(mark);
    const size_t end = version_text.find(')', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos)
        return std::nullopt;
    const std::string_view program = version_text.substr(0, begin);
    const std::string version(version_text.substr(begin + mark.size(), end - begin - mark.size()));
    const size_t gcc = program.rfind("gcc");
    if (gcc == std::string_view::npos || (gcc != 0 && program[gcc - 1] != '-'))
        return std::nullopt;
    std::string name(program.substr(gcc));
    if (name == "gcc")
        name += fmt::format("-{}", version.substr(0, version.find('.')));
    return CompilerPackage{name, version};
}

Compiler find_tools(const Config& config, const std::string& where, const ToolchainRequest& request,
                    const host::Cache& cache, const Progress& progress) {
    if (request.choice == toolchain_of_kernel)
        return in_own_system(config, where, request.kernel, cache, progress);
    if (!request.choice.empty() && request.choice != toolchain_of_host)
        return find_compiler(config, where, given_system(request.choice, cache));
    if (request.takes_any)
        return find_any_compiler(config, where);
    if (std::optional<Compiler> same = find_same_compiler(config, {}))
        return *same;
    if (request.choice == toolchain_of_host || !package_of_compiler(config.value("CC_VERSION_TEXT")))
        return find_compiler(config, where, {});
    try {
        return in_own_system(config, where, request.kernel, cache, progress);
    } catch (const report::Refusal& refusal) {
        if (refusal.findings().front().code == "target.download")
            refuse_unasked(config, where, refusal);
        throw;
    }
}

std::vector<std::string> packages_beside(const Compiler& compiler) {
    std::vector<std::string> packages;
    if (compiler.system.root.empty())
        return packages;
    const std::string manifest = files::try_read_text(compiler.system.root / "packages").value_or("");
    for (std::string_view line : files::lines_of(manifest))
        packages.emplace_back(line);
    return packages;
}

} // namespace klp::kernel
