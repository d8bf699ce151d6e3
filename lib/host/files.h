// Reading and writing whole files, with errors that name the file and a full disk told apart from the rest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace klp::host {

// The whole file. Throws report::Refusal "kernel.unreadable" if it cannot be read.
std::string read_file(const std::filesystem::path& path);

// Writes the file under a temporary name beside it and renames it into place, so that nobody ever reads half of it.
// Throws report::Refusal "kernel.disk-full" or "kernel.unwritable".
void write_file(const std::filesystem::path& path, std::string_view text);

// Makes the folder and its parents. Throws like write_file.
void make_folder(const std::filesystem::path& path);

// Removes a file or a whole folder, if it is there. Throws "kernel.unwritable".
void remove_tree(const std::filesystem::path& path);

// 64-bit FNV-1a of a text as 16 hexadecimal digits: names cache entries, guards nothing against malice.
std::string fingerprint(std::string_view text);

// What tells one state of a file from another without reading it: path, size and time of change as text; "absent" in
// place of the latter two if it is not there.
std::string file_stamp(const std::filesystem::path& path);

} // namespace klp::host
