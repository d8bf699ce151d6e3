#include "kernel/package_folder.h"

#include "files/files.h"
#include "host/process.h"
#include "kernel/kernel_layout.h"
#include "kernel/package_file.h"
#include "report/finding.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <set>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// The folders below */lib/modules that have an image or modules.
std::set<std::string> releases_in(const fs::path& root) {
    std::set<std::string> releases;
    for (const char* place : {"lib/modules", "usr/lib/modules", "usr/lib/debug/lib/modules"}) {
        std::error_code error;
        for (const fs::directory_entry& entry : fs::directory_iterator(root / place, error))
            if (entry.is_directory())
                releases.insert(entry.path().filename().string());
    }
    return releases;
}

[[noreturn]] void refuse(const std::string& where, const std::string& message, const std::string& hint) {
    throw report::Refusal("target.packages", where, message, hint);
}

// The top of a kernel's source below usr/src.
fs::path source_in(const fs::path& root) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(root / "usr/src", error))
        if (fs::exists(entry.path() / "Kbuild") && fs::exists(entry.path() / "kernel/fork.c"))
            return entry.path();
    return {};
}

// Debian's packages of sources hold an archive, "usr/src/linux-source-6.1.tar.xz".
void unpack_source_archives(const fs::path& root) {
    std::vector<fs::path> archives;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(root / "usr/src", error))
        if (entry.path().filename().string().find(".tar.") != std::string::npos)
            archives.push_back(entry.path());
    for (const fs::path& archive : archives) {
        host::run_or_refuse(
            {.argv = {"tar", "-x", "--no-same-owner", "-C", archive.parent_path().string(), "-f", archive.string()}},
            "target.unpack", "unpack the kernel's source");
        files::remove_tree(archive);
    }
}

bool is_wanted(const std::string& path) {
    constexpr std::array tops = {std::string_view("boot/"), std::string_view("lib/modules/"),
                                 std::string_view("usr/lib/modules/"), std::string_view("usr/lib/debug/"),
                                 std::string_view("usr/src/")};
    return std::ranges::any_of(tops, [&](std::string_view top) { return path.starts_with(top); });
}

std::vector<fs::path> packages_in(const fs::path& folder) {
    std::vector<fs::path> packages;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
        if (entry.is_regular_file() && is_package(entry.path()))
            packages.push_back(entry.path());
    if (error)
        files::refuse_unread(folder, error.value());
    std::ranges::sort(packages);
    if (packages.empty())
        refuse(folder.string(), "there are no packages (.deb, .rpm) in this folder",
               "put those of one kernel there: image, modules, debug data, headers, source");
    return packages;
}

void unpack_all(const std::vector<fs::path>& packages, const fs::path& root) {
    for (const fs::path& package : packages)
        unpack_package(package, root, is_wanted);
    unpack_source_archives(root);
    // Where it is compressed it is read often, and by other programs.
    for (const std::string& release : releases_in(root)) {
        const fs::path list = find_parts({root}, release).symvers;
        if (list.empty() || list.filename() == "Module.symvers")
            continue;
        const fs::path plain = root / "usr/src/kernels" / release;
        files::make_folder(plain);
        files::write(plain / "Module.symvers", read_compressed(list));
    }
}

} // namespace

NamedKernel kernel_in(const fs::path& root, const std::string& where) {
    const std::set<std::string> releases = releases_in(root);
    if (releases.size() > 1)
        refuse(where, fmt::format("the packages are of several kernels: {}", fmt::join(releases, ", ")),
               "leave those of one in the folder");
    if (releases.empty())
        refuse(where, "no package is one of a kernel's image or modules", "put the kernel's own packages there");
    NamedKernel kernel = find_parts({root}, *releases.begin());
    kernel.source = source_in(root);
    std::vector<std::string> missing;
    for (const auto& [part, path] :
         {std::pair("an image (vmlinux, or vmlinuz)", kernel.vmlinux), std::pair("a configuration", kernel.config),
          std::pair("Module.symvers (packages of headers or development files have it)", kernel.symvers)})
        if (path.empty())
            missing.emplace_back(part);
    if (!missing.empty())
        refuse(where, fmt::format("the packages of {} lack {}", kernel.release, fmt::join(missing, ", ")),
               "put the packages that have it into the folder");
    return kernel;
}

NamedKernel find_packaged_kernel(const fs::path& folder, const host::Cache& cache, const Progress& progress) {
    const fs::path place = fs::weakly_canonical(folder);
    const std::vector<fs::path> packages = packages_in(place);
    std::string identity = "1\n";
    for (const fs::path& package : packages)
        identity += files::stamp(package) + "\n";
    const fs::path root = cache.entry("packages/" + host::fingerprint(identity), [&](const fs::path& empty) {
        if (progress)
            progress(fmt::format("unpacking {} packages (once per kernel)", packages.size()));
        unpack_all(packages, empty);
        kernel_in(empty, place.string());
    });
    NamedKernel kernel = kernel_in(root, place.string());
    kernel.name = std::string(packages_prefix) + place.string();
    return kernel;
}

} // namespace klp::kernel
