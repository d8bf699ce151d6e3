// What the parts of a kernel say about which kernel they are.
#pragma once

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

} // namespace klp::kernel
