#include "kernel/mirror.h"

#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"
#include "report/finding.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <set>
#include <string_view>
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

// The time of a mirror's folder that is not known to be like the tree's. A mirror may be the tree of another: no time
// before `old` counts.
const fs::file_time_type old = fs::file_time_type::clock::now() - std::chrono::hours(24 * 365 * 29);
const fs::file_time_type long_ago = old - std::chrono::hours(24 * 365);

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

// A new folder must not bear the time of the tree's by chance.
void make_mirror_folder(const fs::path& folder) {
    files::make_folder(folder);
    std::error_code ignored;
    fs::last_write_time(folder, long_ago, ignored);
}

// Makes this one folder's entries like the tree's; subfolders are made, and filled later.
void synchronize_entries(const fs::path& tree, const fs::path& mirror, const std::string& relative) {
    std::error_code error;
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
            if (is_folder)
                make_mirror_folder(mirror / name);
            else
                make_link(is_folder_link ? fs::read_symlink(entry.path()) : link_target(entry), mirror / name);
        }
        if (found != present.end())
            present.erase(found);
    }
    if (error)
        files::refuse_unread(tree, error.value());
    for (const auto& [name, type] : present)
        files::remove_tree(mirror / name);
}

// A folder's own time changes when an entry comes or goes, in the tree as in the mirror. The mirror's is set to the
// tree's once they are alike, so that equal times mean that nothing has to be looked at; but not while the tree's is so
// young that another change could bear the same time.
void synchronize_folder(const fs::path& tree, const fs::path& mirror, const std::string& relative) {
    std::error_code error;
    const fs::file_time_type time = fs::last_write_time(tree, error);
    if (error)
        files::refuse_unread(tree, error.value());
    if (time < old || fs::last_write_time(mirror, error) != time) {
        synchronize_entries(tree, mirror, relative);
        const bool is_settled = fs::file_time_type::clock::now() - time > std::chrono::seconds(2);
        fs::last_write_time(mirror, is_settled ? time : long_ago, error);
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(mirror, error)) {
        if (entry.symlink_status().type() != fs::file_type::directory)
            continue;
        const std::string name = entry.path().filename().string();
        synchronize_folder(tree / name, mirror / name, below(relative, name));
    }
}

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
    if (!fs::exists(mirror))
        make_mirror_folder(mirror);
    synchronize_folder(tree, mirror, {});
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
