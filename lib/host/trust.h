// Programs and headers out of the cache end up in modules, so whoever can write there can put code into a kernel.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace klp::host {

// Who besides root and the user of this process can change what `path` itself is: "it belongs to user alice", "its
// group staff can write to it", "everybody can write to it". Nothing if nobody can; a user's private group, of the same
// name and with nobody else in it, is nobody else. A link is not followed.
std::optional<std::string> who_else_can_write(const std::filesystem::path& path);

// Throws report::Refusal "cache.untrusted" if somebody else can write to the folder or put another in its place: the
// folders above it count as well, but for those with the sticky bit, such as /tmp, which protects what lies in them
// (inode(7)).
void require_own_place(const std::filesystem::path& folder);

// The same for a finished entry of the cache at `root`: the folders between, the entry, what stands beside it under its
// name, and what lies directly in it.
void require_own_entry(const std::filesystem::path& root, const std::filesystem::path& folder);

} // namespace klp::host
