// A mirror of a source tree: real folders, and a symbolic link for every file. It costs an inode per file and no data,
// the tree behind it is never written to, and one file of it can be replaced by another content. Folders must be real:
// of a linked folder, the kernel and the compiler would resolve "../" in the tree behind.
#pragma once

#include "host/cache.h"

#include <filesystem>
#include <optional>
#include <string>

namespace klp::kernel {

// Makes (or brings up to date) at `mirror` the mirror of `tree`. What building leaves in a tree (.o, .cmd, .config,
// include/generated and the like) is left out, so that kbuild takes a mirror of a built tree for a clean one.
// Links lead to the real file even if `tree` is a mirror itself. Throws report::Refusal "file.unreadable" or as
// write_file.
void synchronize_mirror(const std::filesystem::path& tree, const std::filesystem::path& mirror);

// A mirror to change and take back: the patched tree of one run. The mirrors are kept in the cache, one per run at the
// same time, though no more than there are processors; what a run replaced is noted in a journal first, and put back
// when the run ends, or when the next one finds the journal of a killed run.
class PatchedTree {
public:
    // Takes a free mirror of `source` below `folder` (made if all are in use).
    static PatchedTree acquire(const std::filesystem::path& source, const std::filesystem::path& folder);
    PatchedTree(PatchedTree&&) noexcept = default;
    PatchedTree& operator=(PatchedTree&&) = delete;
    ~PatchedTree();

    const std::filesystem::path& root() const { return root_; }
    // Follows what came and went in a source tree that people work on; to be called before the first replace().
    void bring_up_to_date();
    // The file `path` (relative; must not leave the tree) has this content from now on; nothing: it is gone.
    // Throws report::Refusal "kernel.path-escapes" or as write_file.
    void replace(const std::string& path, const std::optional<std::string>& content);

private:
    PatchedTree(std::filesystem::path source, const std::filesystem::path& folder, unsigned number,
                host::FileLock lock);
    void restore();
    void remove();
    std::filesystem::path source_;
    std::filesystem::path root_;
    std::filesystem::path journal_;
    unsigned number_; // of the mirrors of this source
    host::FileLock lock_;
};

} // namespace klp::kernel
