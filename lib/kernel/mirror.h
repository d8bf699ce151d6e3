// A mirror of a source tree: real folders, and a symbolic link for every file. It costs an inode per file and no data,
// the tree behind it is never written to, and one file of it can be replaced by another content.
//
// A folder may itself be a link as long as nothing in it is replaced: "../" in it leads to the tree behind, by the
// kernel's rule and the compiler's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace klp::kernel {

// What building leaves in a tree (.o, .cmd, .config, include/generated and the like) is left out of folders that are no
// links, so that kbuild takes a mirror of a built tree for a clean one. Links to files lead to the real file even if
// `tree` is a mirror itself. All functions throw report::Refusal "file.unreadable" or as files::write().
class Mirror {
public:
    // Nothing is made yet. What a run left that was killed in here is put right.
    Mirror(std::filesystem::path tree, std::filesystem::path root);

    // Follows what came and went in the tree since the folders of the mirror were opened.
    void synchronize();
    // `folder` (relative) and all that its name leads through ("a/b/../c": a/b too) are folders of the mirror's own
    // from now on, with links in them. What the tree has not is passed by.
    void open(const std::string& folder);
    // No folder is a link any more.
    void open_all();
    // The link to the tree's file `path` (relative), where none is.
    void put_back(const std::string& path);
    // With all that was noted of it.
    void remove();

private:
    enum class Depth { one_folder, all_below };
    // The folders that are no links, parents first, and the time that each had in the tree when it was made like it: a
    // folder's own time changes when an entry comes or goes. Asking 6,000 folders for it takes a hundredth of the time
    // of looking at 90,000 files.
    using FolderTimes = std::map<std::string, int64_t>;

    void load();
    void save() const;
    void find_folders(const std::string& path);
    void fill(const std::string& path, const std::filesystem::path& folder, Depth depth);
    void open_folder(const std::string& path, Depth depth);
    bool open_one(const std::string& path, bool& is_new);
    void open_below(const std::string& path);
    void take(const std::string& path);

    std::filesystem::path tree_;
    std::filesystem::path root_;
    FolderTimes times_;
    bool is_loaded_ = false;
    bool is_whole_ = false;
};

// The file that a link of a mirror leads to, never a link of another mirror; any other file is itself.
std::filesystem::path real_file(std::filesystem::path file);

// Makes (or brings up to date) at `root` the mirror of `tree` in which no folder is a link.
void synchronize_mirror(const std::filesystem::path& tree, const std::filesystem::path& root);

} // namespace klp::kernel
