#include "kernel/mirror.h"

#include "files/files.h"
#include "files/text.h"
#include "host/parallel.h"
#include "host/process.h"
#include "report/finding.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Paths, from the top of the tree, that make kbuild call it unclean or that belong to one build.
constexpr std::array build_products = {std::string_view("include/config"), std::string_view("include/generated"),
                                       std::string_view("Module.symvers"), std::string_view("modules.order"),
                                       std::string_view("System.map"),     std::string_view("vmlinux")};
constexpr std::array build_suffixes = {std::string_view(".o"),   std::string_view(".ko"),    std::string_view(".a"),
                                       std::string_view(".cmd"), std::string_view(".mod"),   std::string_view(".mod.c"),
                                       std::string_view(".o.d"), std::string_view(".order"), std::string_view(".gch")};

bool is_build_product(const std::string& path, std::string_view name) {
    for (const std::string_view product : build_products) {
        if (path == product)
            return true;
    }
    for (const std::string_view suffix : build_suffixes) {
        if (name.ends_with(suffix))
            return true;
    }
    // arch/ARCH/include/generated
    if (path.starts_with("arch/") && path.ends_with("/include/generated"))
        return true;
    return name == ".git" || name == ".config" || name == ".config.old" || name.starts_with(".tmp_") ||
           (name.starts_with("vmlinux.") && !name.ends_with(".h") && name.find(".lds") == std::string_view::npos);
}

[[noreturn]] void refuse(const fs::path& path, const std::error_code& error) {
    files::refuse_unwritten(path, error.value());
}

void make_link(const fs::path& target, const fs::path& link) {
    std::error_code error;
    fs::create_symlink(target, link, error);
    if (error)
        refuse(link, error);
}

// The file that a link in the mirror leads to: never a link of another mirror.
fs::path link_target(const fs::directory_entry& entry) {
    std::error_code error;
    fs::path target = entry.path();
    for (int hops = 0; hops < 8 && fs::is_symlink(fs::symlink_status(target, error)); ++hops) {
        const fs::path next = fs::read_symlink(target, error);
        if (error || next.is_relative())
            break;
        target = next;
    }
    return target;
}

std::string below(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : folder + "/" + name;
}

// Makes this one folder's entries like the tree's; subfolders are made, and filled later. Returns the names of those
// that were not there.
std::vector<std::string> synchronize_entries(const fs::path& tree, const fs::path& mirror,
                                             const std::string& relative) {
    std::error_code error;
    std::vector<std::string> made;
    std::map<std::string, fs::file_type> present;
    for (const fs::directory_entry& entry : fs::directory_iterator(mirror, error))
        present[entry.path().filename().string()] = entry.symlink_status().type();
    if (error)
        refuse(mirror, error);
    for (const fs::directory_entry& entry : fs::directory_iterator(tree, error)) {
        const std::string name = entry.path().filename().string();
        if (is_build_product(below(relative, name), name))
            continue;
        // A link to a folder inside the tree (scripts/dtc/include-prefixes) stays a link, by its own text.
        const bool is_folder = entry.symlink_status().type() == fs::file_type::directory;
        const bool is_folder_link = !is_folder && entry.is_directory();
        const auto found = present.find(name);
        const bool fits = found != present.end() && (found->second == fs::file_type::directory) == is_folder;
        if (!fits) {
            if (found != present.end())
                files::remove_tree(mirror / name);
            if (is_folder) {
                files::make_folder(mirror / name);
                made.push_back(name);
            } else {
                make_link(is_folder_link ? fs::read_symlink(entry.path()) : link_target(entry), mirror / name);
            }
        }
        if (found != present.end())
            present.erase(found);
    }
    if (error)
        files::refuse_unread(tree, error.value());
    for (const auto& [name, type] : present)
        files::remove_tree(mirror / name);
    return made;
}

// The folders of a tree, parents first, and the time that each had when the mirror's was made like it: a folder's own
// time changes when an entry comes or goes. Asking 6,000 folders for it takes a hundredth of the time of looking at
// 90,000 files.
using FolderTimes = std::map<std::string, int64_t>;

// No folder of the tree bears it.
constexpr int64_t unknown_time = -1;

fs::path folder_list_of(const fs::path& mirror) {
    return mirror.string() + ".folders";
}

// Nothing where there is none, or it is not whole: then all folders are looked at.
FolderTimes read_folder_times(const fs::path& mirror) {
    FolderTimes times;
    const std::string text = files::try_read_text(folder_list_of(mirror)).value_or("");
    for (const std::string_view line : files::lines_of(text)) {
        const size_t blank = line.find(' ');
        int64_t time = unknown_time;
        const auto [end, error] = std::from_chars(line.data(), line.data() + std::min(blank, line.size()), time);
        if (blank == line.npos || error != std::errc() || end != line.data() + blank)
            return {};
        times.emplace(line.substr(blank + 1), time);
    }
    return times;
}

void write_folder_times(const fs::path& mirror, const FolderTimes& times) {
    std::string text;
    for (const auto& [path, time] : times)
        text += fmt::format("{} {}\n", time, path);
    files::write(folder_list_of(mirror), text);
}

// In nanoseconds; nothing where there is no such folder, or a link in its place.
std::optional<int64_t> time_of_folder(const fs::path& folder) {
    struct stat status = {};
    if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return std::nullopt;
    return static_cast<int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

// A time that is so young that another change could bear the same is not noted.
int64_t settled(int64_t time) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return now - std::chrono::nanoseconds(time) > std::chrono::seconds(2) ? time : unknown_time;
}

class Synchronization {
public:
    Synchronization(const fs::path& tree, const fs::path& mirror) : tree_(tree), mirror_(mirror) {}

    void run() {
        const FolderTimes known = read_folder_times(mirror_);
        if (known.empty())
            take_all("");
        for (const auto& [path, time] : known) {
            const bool is_parent_there = path.empty() || times_.contains(parent_of(path));
            if (times_.contains(path) || !is_parent_there)
                continue;
            const std::optional<int64_t> now = time_of_folder(tree_ / path);
            if (now && *now == time)
                times_.emplace(path, time);
            else if (now || path.empty())
                take_changed(path);
        }
        if (times_ != known)
            write_folder_times(mirror_, times_);
    }

private:
    static std::string parent_of(const std::string& path) {
        const size_t slash = path.rfind('/');
        return slash == std::string::npos ? std::string() : path.substr(0, slash);
    }

    // Returns the folders that were not there.
    std::vector<std::string> take(const std::string& path) {
        const std::optional<int64_t> time = time_of_folder(tree_ / path);
        if (!time)
            files::refuse_unread(tree_ / path, ENOENT);
        const std::vector<std::string> made = synchronize_entries(tree_ / path, mirror_ / path, path);
        times_[path] = settled(*time);
        return made;
    }

    void take_changed(const std::string& path) {
        for (const std::string& name : take(path))
            take_all(below(path, name));
    }

    // With all folders in it.
    void take_all(const std::string& path) {
        take(path);
        for (const fs::directory_entry& entry : fs::directory_iterator(mirror_ / path))
            if (entry.symlink_status().type() == fs::file_type::directory)
                take_all(below(path, entry.path().filename().string()));
    }

    const fs::path& tree_;
    const fs::path& mirror_;
    FolderTimes times_;
};

void append_to_journal(const fs::path& journal, const std::string& path) {
    const int fd = open(journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const std::string line = path + "\n";
    const bool is_written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!is_written)
        refuse(journal, std::error_code(saved, std::generic_category()));
}

fs::path root_of(const fs::path& folder, unsigned number) {
    return folder / fmt::format("patched-{}", number);
}

fs::path marker_of(const fs::path& root) {
    return root.string() + ".complete";
}

bool escapes(const std::string& path) {
    const fs::path normal = fs::path(path).lexically_normal();
    return path.empty() || normal.is_absolute() || *normal.begin() == ".." || path.find('\n') != std::string::npos;
}

} // namespace

void synchronize_mirror(const fs::path& tree, const fs::path& mirror) {
    if (!fs::exists(mirror)) {
        files::remove_tree(folder_list_of(mirror));
        files::make_folder(mirror);
    }
    Synchronization(tree, mirror).run();
}

PatchedTree::PatchedTree(fs::path source, const fs::path& folder, unsigned number, host::FileLock lock)
    : source_(std::move(source)), root_(root_of(folder, number)), journal_(root_.string() + ".journal"),
      number_(number), lock_(std::move(lock)) {}

PatchedTree PatchedTree::acquire(const fs::path& source, const fs::path& folder) {
    files::make_folder(folder);
    for (unsigned number = 0;; ++number) {
        const fs::path root = root_of(folder, number);
        host::FileLock lock = host::FileLock::try_now(root.string() + ".lock");
        if (!lock)
            continue;
        PatchedTree tree(source, folder, number, std::move(lock));
        const fs::path marker = marker_of(root);
        if (!fs::exists(marker)) {
            synchronize_mirror(source, root);
            files::write(marker, "\n");
        }
        tree.restore();
        return tree;
    }
}

void PatchedTree::bring_up_to_date() {
    restore();
    synchronize_mirror(source_, root_);
}

void PatchedTree::replace(const std::string& path, const std::optional<std::string>& content) {
    if (escapes(path))
        throw report::Refusal("kernel.path-escapes", path, "the patch names a file outside of the source tree",
                              "paths in a patch are relative to the top of the source tree");
    append_to_journal(journal_, path);
    const fs::path file = root_ / path;
    files::remove_tree(file);
    if (!content)
        return;
    files::make_folder(file.parent_path());
    files::write(file, *content);
}

void PatchedTree::restore() {
    if (!fs::exists(journal_))
        return;
    std::string text = files::read_text(journal_);
    std::string_view rest = text;
    std::set<std::string> paths;
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1))
        paths.insert(std::string(rest.substr(0, end)));
    for (const std::string& path : paths) {
        const fs::path file = root_ / path;
        files::remove_tree(file);
        std::error_code ignored;
        if (fs::symlink_status(source_ / path).type() != fs::file_type::not_found) {
            files::make_folder(file.parent_path());
            make_link(link_target(fs::directory_entry(source_ / path)), file);
            continue;
        }
        // Folders that the patch brought go with their last file.
        for (fs::path folder = file.parent_path(); folder != root_; folder = folder.parent_path()) {
            if (fs::exists(source_ / folder.lexically_relative(root_)) || !fs::remove(folder, ignored))
                break;
        }
    }
    files::remove_tree(journal_);
}

void PatchedTree::remove() {
    files::remove_tree(marker_of(root_));
    files::remove_tree(folder_list_of(root_));
    files::remove_tree(root_);
    files::remove_tree(journal_);
}

PatchedTree::~PatchedTree() {
    if (!lock_)
        return;
    try {
        // As many as runs make good use of at once are kept; one more is 92,000 links.
        if (number_ < host::processor_count())
            restore();
        else
            remove();
    } catch (const report::Refusal&) {
        // The journal stays: the next run tries again.
    }
}

} // namespace klp::kernel
