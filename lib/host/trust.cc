#include "host/trust.h"

#include "files/files.h"
#include "report/finding.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

std::string user_name(uid_t user) {
    const passwd* entry = getpwuid(user);
    return entry != nullptr ? fmt::format("user {}", entry->pw_name) : fmt::format("user {}", user);
}

std::string group_name(gid_t group) {
    const struct group* entry = getgrgid(group);
    return entry != nullptr ? entry->gr_name : fmt::format("{}", group);
}

// In a user namespace, whom it does not know all appear as this one user; of the folders above a container's mounts,
// the host's root does.
bool is_unknown_here(uid_t user) {
    constexpr uid_t overflow = 65534; // /proc/sys/kernel/overflowuid, the default
    const auto map = files::try_read_text("/proc/self/uid_map");
    return user == overflow && map && map->find("4294967295") == std::string::npos;
}

bool is_ours(uid_t user) {
    return user == 0 || user == geteuid();
}

// The group that many distributions make for each user, of the user's name and with nobody else in it: their umask is
// 002.
bool is_private(gid_t group) {
    const passwd* user = getpwuid(geteuid());
    const std::string name = user != nullptr ? user->pw_name : "";
    const struct group* entry = getgrgid(group);
    if (entry == nullptr || name.empty() || entry->gr_name != name)
        return false;
    for (char** member = entry->gr_mem; *member != nullptr; ++member)
        if (*member != name)
            return false;
    return true;
}

struct Doubt {
    std::string what;
    std::string remedy; // a command that ends it, to which the path is appended
};

std::optional<Doubt> doubt_about_rights(const struct stat& status) {
    if (S_ISLNK(status.st_mode))
        return std::nullopt;
    if ((status.st_mode & S_IWOTH) != 0)
        return Doubt{"everybody can write to it", "chmod -R go-w"};
    if ((status.st_mode & S_IWGRP) != 0 && !is_private(status.st_gid))
        return Doubt{fmt::format("its group {} can write to it", group_name(status.st_gid)), "chmod -R go-w"};
    return std::nullopt;
}

std::optional<Doubt> doubt_about(const struct stat& status) {
    if (!is_ours(status.st_uid))
        return Doubt{fmt::format("it belongs to {}", user_name(status.st_uid)), fmt::format("chown -R {}", geteuid())};
    return doubt_about_rights(status);
}

std::optional<Doubt> doubt_about(const fs::path& path) {
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0)
        return std::nullopt; // what is not there is made by us
    return doubt_about(status);
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what, const std::string& first_hint) {
    throw report::Refusal(
        "cache.untrusted", path.string(), what + ", and programs and headers from the cache go into modules",
        first_hint + "name a cache of your own with KLP_CACHE; a cache that a group shares on purpose "
                     "is used with --cache-shared");
}

void require(const fs::path& path) {
    if (const auto doubt = doubt_about(path))
        refuse(path, doubt->what, fmt::format("if what is in it is yours, `{} {}`; or ", doubt->remedy, path.string()));
}

} // namespace

std::optional<std::string> who_else_can_write(const fs::path& path) {
    const auto doubt = doubt_about(path);
    return doubt ? std::optional(doubt->what) : std::nullopt;
}

void require_own_place(const fs::path& folder) {
    std::error_code error;
    const fs::path place = fs::weakly_canonical(folder, error);
    require(place);
    for (fs::path above = place; above != above.root_path();) {
        above = above.parent_path();
        struct stat status{};
        if (lstat(above.c_str(), &status) != 0 || is_unknown_here(status.st_uid))
            continue;
        // Root's caches lie in users' folders too: who builds trees of theirs runs their makefiles anyway.
        const auto doubt = geteuid() == 0 ? doubt_about_rights(status) : doubt_about(status);
        const bool is_sticky = (status.st_mode & S_ISVTX) != 0;
        if (doubt && !(is_sticky && is_ours(status.st_uid)))
            refuse(above, fmt::format("the cache {} lies in it and {}", place.string(), doubt->what), "");
    }
}

void require_own_entry(const fs::path& root, const fs::path& folder) {
    for (fs::path above = folder.parent_path(); above != root; above = above.parent_path())
        require(above);
    for (const char* beside : {"", ".complete", ".lock"})
        require(folder.string() + beside);
    std::error_code error;
    for (const fs::directory_entry& item : fs::directory_iterator(folder, error))
        require(item.path());
    if (error)
        files::refuse_unread(folder, error.value());
}

} // namespace klp::host
