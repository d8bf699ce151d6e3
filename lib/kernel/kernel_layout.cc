#include "kernel/kernel_layout.h"

#include "symbols/kernel_files.h"

#include <array>
#include <span>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Where distributions have the parts of a kernel, %r for its release; the best place first.
constexpr std::array images = {"usr/lib/debug/boot/vmlinux-%r",
                               "usr/lib/debug/lib/modules/%r/vmlinux",
                               "usr/lib/debug/usr/lib/modules/%r/vmlinux",
                               "usr/lib/debug/boot/vmlinux-%r.debug",
                               "boot/vmlinux-%r",
                               "lib/modules/%r/vmlinux",
                               "usr/lib/modules/%r/vmlinux"};
constexpr std::array boot_images = {"boot/vmlinuz-%r", "lib/modules/%r/vmlinuz", "usr/lib/modules/%r/vmlinuz",
                                    "usr/lib/modules/%r/vmlinuz.unsigned", "boot/bzImage-%r"};
// That which modules are built with goes first: beside the image, Debian leaves out what is about the build
// (CONFIG_BUILD_SALT).
constexpr std::array configurations = {"usr/src/linux-headers-%r/.config",
                                       "usr/src/kernels/%r/.config",
                                       "lib/modules/%r/build/.config",
                                       "usr/lib/modules/%r/build/.config",
                                       "lib/modules/%r/config",
                                       "usr/lib/modules/%r/config",
                                       "boot/config-%r"};
constexpr std::array symbol_lists = {"usr/src/linux-headers-%r/Module.symvers",
                                     "usr/src/kernels/%r/Module.symvers",
                                     "lib/modules/%r/build/Module.symvers",
                                     "usr/lib/modules/%r/build/Module.symvers",
                                     "lib/modules/%r/symvers.xz",
                                     "lib/modules/%r/symvers.gz",
                                     "lib/modules/%r/symvers.zst",
                                     "usr/lib/modules/%r/symvers.xz",
                                     "usr/lib/modules/%r/symvers.gz",
                                     "usr/lib/modules/%r/symvers.zst",
                                     "boot/symvers-%r.gz",
                                     "boot/symvers-%r.xz"};
constexpr std::array module_folders = {"usr/lib/debug/lib/modules/%r", "usr/lib/debug/usr/lib/modules/%r",
                                       "lib/modules/%r", "usr/lib/modules/%r"};
constexpr std::array boot_folders = {"lib/modules/%r", "usr/lib/modules/%r"};
constexpr std::array maps = {"usr/lib/debug/boot/System.map-%r", "boot/System.map-%r", "usr/lib/modules/%r/System.map",
                             "lib/modules/%r/System.map"};

std::string at_release(std::string place, const std::string& release) {
    for (size_t at = 0; (at = place.find("%r", at)) != std::string::npos; at += release.size())
        place.replace(at, 2, release);
    return place;
}

// What is looked for, and where.
struct Search {
    const std::vector<fs::path>& roots;
    const std::string& release;

    fs::path first_of(std::span<const char* const> places, bool (*fits)(const fs::path&)) const {
        for (const char* place : places)
            for (const fs::path& root : roots)
                if (fs::path path = root / at_release(place, release); fits(path))
                    return path;
        return {};
    }
};

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

} // namespace

NamedKernel find_parts(const std::vector<fs::path>& roots, const std::string& release) {
    const Search search{roots, release};
    NamedKernel kernel;
    kernel.release = release;
    kernel.config = search.first_of(configurations, is_file);
    kernel.vmlinux = search.first_of(images, is_file);
    kernel.vmlinuz = search.first_of(boot_images, is_file);
    kernel.modules = search.first_of(module_folders, symbols::has_module_files);
    kernel.boot_modules = search.first_of(boot_folders, symbols::has_module_files);
    kernel.symvers = search.first_of(symbol_lists, is_file);
    kernel.system_map = search.first_of(maps, is_file);
    kernel.has_debug = !kernel.vmlinux.empty();
    if (!kernel.has_debug)
        kernel.vmlinux = kernel.vmlinuz;
    return kernel;
}

} // namespace klp::kernel
