#include "kernel/patched_tree.h"

#include "files/files.h"
#include "host/parallel.h"
#include "report/finding.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <set>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

void append_to_journal(const fs::path& journal, const std::string& path) {
    const int fd = open(journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const std::string line = path + "\n";
    const bool is_written = fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    const int saved = errno;
    if (fd >= 0)
        close(fd);
    if (!is_written)
        files::refuse_unwritten(journal, saved);
}

fs::path root_of(const fs::path& folder, unsigned number) {
    return folder / fmt::format("patched-{}", number);
}

bool escapes(const std::string& path) {
    const fs::path normal = fs::path(path).lexically_normal();
    return path.empty() || normal.is_absolute() || *normal.begin() == ".." || path.find('\n') != std::string::npos;
}

// A link to another place of the tree, which is not to be written through.
bool leads_through_link(const fs::path& root, const fs::path& path) {
    fs::path folder = root;
    for (const fs::path& part : path.parent_path()) {
        folder /= part;
        if (fs::is_symlink(fs::symlink_status(folder)))
            return true;
    }
    return false;
}

} // namespace

PatchedTree::PatchedTree(fs::path source, const fs::path& folder, unsigned number, host::FileLock lock)
    : source_(std::move(source)), root_(root_of(folder, number)), journal_(root_.string() + ".journal"),
      number_(number), lock_(std::move(lock)), mirror_(source_, root_) {}

PatchedTree PatchedTree::acquire(const fs::path& source, const fs::path& folder) {
    files::make_folder(folder);
    for (unsigned number = 0;; ++number) {
        const fs::path root = root_of(folder, number);
        host::FileLock lock = host::FileLock::try_now(root.string() + ".lock");
        if (!lock)
            continue;
        PatchedTree tree(source, folder, number, std::move(lock));
        tree.open("");
        tree.restore();
        return tree;
    }
}

void PatchedTree::bring_up_to_date() {
    restore();
    mirror_.synchronize();
}

void PatchedTree::replace(const std::string& path, const std::optional<std::string>& content) {
    if (escapes(path))
        throw report::Refusal("kernel.path-escapes", path, "the patch names a file outside of the source tree",
                              "paths in a patch are relative to the top of the source tree");
    mirror_.open(fs::path(path).parent_path().string());
    if (leads_through_link(root_, path))
        throw report::Refusal("kernel.path-escapes", path, "the patch names a file by a symbolic link to its folder",
                              "name the file by the folder that it is in");
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
        // Such a folder came with the tree since: what was replaced went with the one before.
        if (leads_through_link(root_, path))
            continue;
        const fs::path file = root_ / path;
        files::remove_tree(file);
        std::error_code ignored;
        if (fs::symlink_status(source_ / path).type() != fs::file_type::not_found) {
            mirror_.put_back(path);
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
    mirror_.remove();
    files::remove_tree(journal_);
}

PatchedTree::~PatchedTree() {
    if (!lock_)
        return;
    try {
        // As many as runs make good use of at once are kept; one more may be 92,000 links.
        if (number_ < host::processor_count())
            restore();
        else
            remove();
    } catch (const report::Refusal&) {
        // The journal stays: the next run tries again.
    }
}

} // namespace klp::kernel
