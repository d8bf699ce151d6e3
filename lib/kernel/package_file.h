// Package files of distributions, read without the distribution's own tools.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace klp::kernel {

// Is it a package (.deb, .rpm), by its first bytes?
bool is_package(const std::filesystem::path& file);

// Unpacks what `wanted` says yes to, by the path in the package without a '/' at its beginning, below `folder`; owners
// are ours, modes are not for others to write. Paths that would lead out of `folder` are left out. Throws
// report::Refusal "target.unpack", "file.disk-full".
void unpack_package(const std::filesystem::path& file, const std::filesystem::path& folder,
                    const std::function<bool(const std::string&)>& wanted);

// The content of a file that is compressed in whatever way, or not at all. Throws "target.unpack".
std::string read_compressed(const std::filesystem::path& file);

} // namespace klp::kernel
