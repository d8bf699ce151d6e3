// What the parts of a kernel say about which kernel they are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace klp::kernel {

// The release in a vmlinux's banner, "Linux version RELEASE (" (init/version.c). The file must be an ELF image or
// a boot image with symbols (symbols/boot_image.h). Throws report::Refusal, each naming what it is instead:
// "target.system-map", "target.stripped", "target.not-a-kernel", or elf.*, boot.* or unpack.* if it is corrupt.
std::string read_vmlinux_release(const std::filesystem::path& vmlinux);

// The release in a module's vermagic (.modinfo); nothing if it has none.
std::optional<std::string> read_module_release(const std::filesystem::path& module);

// VERSION.PATCHLEVEL.SUBLEVEL EXTRAVERSION of a source tree's Makefile ("6.1.192", "6.12.0-rc3"); "" if it is no
// kernel's.
std::string read_source_version(const std::filesystem::path& source);

// "6.12" of "6.12.117+deb12-cloud-amd64".
std::string series_of(const std::string& release);

// What a vmlinux says of the package that it is in, in its "Linux version" banner: "... #1 SMP Debian 6.1.192-3
// (2026-11-11)". Empty, and 0, where it says no such thing.
struct PackagedAs {
    std::string version; // "6.1.192-3"
    int64_t date = 0;    // seconds since 1970
};
PackagedAs read_package_of(const std::filesystem::path& vmlinux);

} // namespace klp::kernel
