// The parts of a kernel that people name one by one may be of two kernels, or none at all. That is found out before
// anything is prepared, so that no later stage fails by it in words of its own.
#pragma once

#include "kernel/config.h"
#include "kernel/target.h"

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace klp::kernel {

// The parts are files and folders that are there. Throws report::Refusal "target.no-source", "target.missing-part".
void check_parts(const Parts& parts);

// All .ko below `folder` (empty: none), as "NAME\tPATH" lines, and such lines read again: name ('_' for '-') -> file.
// Throws "file.unreadable".
std::string index_modules(const std::filesystem::path& folder);
std::map<std::string, std::filesystem::path> parse_index(std::string_view text);

// The parts are of one kernel, as far as they say which one they are of: by release, machine, the symbols that the
// image exports and the versions (CRC) of symbols that a module was linked to. `index` is index_modules() of the
// parts. Returns the kernel's release. Throws "target.wrong-release", "target.wrong-machine", "target.wrong-symvers",
// "target.system-map", "target.stripped", "target.not-a-kernel".
std::string check_one_kernel(const Parts& parts, const Config& config, const std::string& source_version,
                             const std::string& index);

// What tells one image from another whatever its file's name and times: the linker's build id and the size, or where
// there is no such id the SHA-256 of the content. Throws "file.unreadable".
std::string identity_of_image(const std::filesystem::path& image);

} // namespace klp::kernel
