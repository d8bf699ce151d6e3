// Whole files, read and written in one step, with one message for each way in which that fails.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::files {

// The whole file, be it a pipe. Throws report::Refusal "file.unreadable" with the system's reason; so for a folder.
std::string read_text(const std::filesystem::path& path);
std::vector<std::byte> read_bytes(const std::filesystem::path& path);

// The whole file, or nothing if it cannot be read: for what may go away at any time, such as a task's files below
// /proc.
std::optional<std::string> try_read_text(const std::filesystem::path& path);

// The first `count` bytes, or fewer where the file ends before; empty if it cannot be read. Tells kinds of files apart.
std::string read_start(const std::filesystem::path& path, size_t count);

// Writes the file under a temporary name beside it and renames it into place: nobody ever reads half of it, and on any
// error what was there stays. Throws report::Refusal "file.disk-full", else "file.unwritable" with the system's reason.
void write(const std::filesystem::path& path, std::string_view text);
void write(const std::filesystem::path& path, std::span<const std::byte> bytes);
// The same for what is handed out: it is on the disk, under its name, when this returns.
void write_synced(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Writes what is in `from` to `to`. Throws as both.
void copy(const std::filesystem::path& from, const std::filesystem::path& to);

// Makes the folder and its parents. Throws as write().
void make_folder(const std::filesystem::path& path);

// Removes a file or a whole folder, if it is there. Throws "file.unwritable".
void remove_tree(const std::filesystem::path& path);

// What tells one state of a file from another without reading it: path, size and time of change as text; "absent" in
// place of the latter two if it is not there.
std::string stamp(const std::filesystem::path& path);

// The refusals of the above for `path`, with the system's reason `error` (an errno), for who reads or writes otherwise.
[[noreturn]] void refuse_unread(const std::filesystem::path& path, int error);
[[noreturn]] void refuse_unwritten(const std::filesystem::path& path, int error);

// Throws report::Refusal "file.disk-full" if `text` (a system's reason, a program's complaints) speaks of a full disk.
void refuse_full_disk(std::string_view text, const std::string& where);

} // namespace klp::files
