// Entries of a cache that a group shares: read-only once complete, and looked at before they are used.
#pragma once

#include <filesystem>

namespace klp::host {

// Takes from everybody the right to write to what is in `folder`, and writes what it is, by SHA-256, to `folder`.sums,
// a line per file ("HASH  PATH") or link ("-> TARGET  PATH"). Throws as files::write().
void seal(const std::filesystem::path& folder);

// Throws report::Refusal "cache.changed", naming the first file that is not what it was when `folder` was sealed, was
// added or is missing; "cache.unsealed" if it never was. `memory` is a file of our own cache that remembers, by the
// files' times of change and inode numbers, what was seen to be right, so that it is read once only.
void check_seal(const std::filesystem::path& folder, const std::filesystem::path& memory);

// Removes the folder and its list, whatever rights are missing in it.
void break_seal(const std::filesystem::path& folder);

} // namespace klp::host
