// The source tree of one run, with the patch in it.
#pragma once

#include "host/cache.h"
#include "kernel/mirror.h"

#include <filesystem>
#include <optional>
#include <string>

namespace klp::kernel {

// A mirror to change and take back. The mirrors are kept in the cache, one per run at the same time, though no more
// than there are processors; what a run replaced is noted in a journal first, and put back when the run ends, or when
// the next one finds the journal of a killed run. Folders are links until something in them is replaced.
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
    // As Mirror: what is read by this name, "../" and all, is read in this tree.
    void open(const std::string& folder) { mirror_.open(folder); }
    void open_all() { mirror_.open_all(); }
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
    Mirror mirror_; // after the lock
};

} // namespace klp::kernel
