#include "host/seal.h"

#include "files/digest.h"
#include "files/files.h"
#include "host/parallel.h"
#include "report/finding.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

fs::path list_of(const fs::path& folder) {
    return folder.string() + ".sums";
}

// Files and links below the folder, in a fixed order. Folders are there by what is in them.
std::vector<fs::path> contents(const fs::path& folder) {
    std::vector<fs::path> paths;
    std::error_code error;
    for (const fs::directory_entry& item : fs::recursive_directory_iterator(folder, error))
        if (item.symlink_status().type() != fs::file_type::directory)
            paths.push_back(item.path());
    if (error)
        files::refuse_unread(folder, error.value());
    std::ranges::sort(paths);
    return paths;
}

std::string line_of(const fs::path& folder, const fs::path& path) {
    const std::string name = path.lexically_relative(folder).string();
    if (fs::is_symlink(path))
        return fmt::format("-> {}  {}\n", fs::read_symlink(path).string(), name);
    return fmt::format("{}  {}\n", files::sha256_of(path), name);
}

std::vector<std::string> lines_of(const fs::path& folder, const std::vector<fs::path>& paths) {
    std::vector<std::string> lines(paths.size());
    parallel_for(paths.size(), 0, [&](size_t i) { lines[i] = line_of(folder, paths[i]); });
    return lines;
}

// A file whose inode and time of change (which no user can set) are the same has the same content.
std::string state_of(const std::vector<fs::path>& paths, const std::string& list) {
    std::string text = list;
    for (const fs::path& path : paths) {
        struct stat status{};
        if (lstat(path.c_str(), &status) != 0)
            files::refuse_unread(path, errno);
        text += fmt::format("{} {} {}.{:09}\n", path.string(), status.st_ino, status.st_ctim.tv_sec,
                            status.st_ctim.tv_nsec);
    }
    return files::sha256(text);
}

[[noreturn]] void refuse_changed(const fs::path& folder, const std::string& line) {
    const size_t name = line.rfind("  ");
    throw report::Refusal(
        "cache.changed",
        (folder / (name == std::string::npos ? line : line.substr(name + 2, line.size() - name - 3))).string(),
        "it is not what was put into the shared cache, was added to it, or is missing",
        fmt::format("find out who changed it; then have its owner remove {0}, {0}.sums and {0}.complete: "
                    "it is made anew when it is needed",
                    folder.string()));
}

void take_write_rights(const fs::path& path, std::error_code& error) {
    fs::permissions(path, fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write,
                    fs::perm_options::remove, error);
}

} // namespace

void seal(const fs::path& folder) {
    const std::vector<fs::path> paths = contents(folder);
    std::string list;
    for (const std::string& line : lines_of(folder, paths))
        list += line;
    files::write(list_of(folder), list);
    std::error_code error;
    for (const fs::path& path : paths)
        if (!fs::is_symlink(path))
            take_write_rights(path, error);
    for (const fs::directory_entry& item : fs::recursive_directory_iterator(folder, error))
        if (item.symlink_status().type() == fs::file_type::directory)
            take_write_rights(item.path(), error);
    take_write_rights(folder, error);
    if (error)
        files::refuse_unwritten(folder, error.value());
}

void check_seal(const fs::path& folder, const fs::path& memory) {
    if (!fs::exists(list_of(folder)))
        throw report::Refusal(
            "cache.unsealed", folder.string(), "it lies in a shared cache without the list of what is in it",
            fmt::format("it was made without --cache-shared: have its owner remove it and {}.complete, "
                        "and make it anew with klp-build --cache-shared --prepare",
                        folder.string()));
    const std::string list = files::read_text(list_of(folder));
    const std::vector<fs::path> paths = contents(folder);
    const std::string state = state_of(paths, list);
    if (files::try_read_text(memory) == state)
        return;
    const std::vector<std::string> lines = lines_of(folder, paths);
    std::string_view rest = list;
    for (const std::string& line : lines) {
        if (!rest.starts_with(line))
            refuse_changed(folder, line);
        rest.remove_prefix(line.size());
    }
    if (!rest.empty())
        refuse_changed(folder, std::string(rest.substr(0, rest.find('\n') + 1)));
    files::make_folder(memory.parent_path());
    files::write(memory, state);
}

void break_seal(const fs::path& folder) {
    std::error_code error;
    if (fs::is_directory(folder, error)) {
        fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, error);
        for (const fs::directory_entry& item : fs::recursive_directory_iterator(folder, error))
            if (item.symlink_status().type() == fs::file_type::directory)
                fs::permissions(item.path(), fs::perms::owner_all, fs::perm_options::add, error);
    }
    files::remove_tree(folder);
    files::remove_tree(list_of(folder));
}

} // namespace klp::host
