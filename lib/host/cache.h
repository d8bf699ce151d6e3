// The only place where anything outlives a run: $KLP_CACHE, or ~/.cache/klp-build.
//
// An entry is a folder that was expensive to make. It counts only once a marker file stands beside it, which is written
// last; a folder without one is what a killed run left, and is removed before the entry is made anew. Entries are made
// in place, not renamed, because kbuild writes the absolute path of a build directory into it. Whoever makes or changes
// an entry holds its lock, so two runs at once make it once. What is in the cache ends up in modules: entries that
// others can write to are refused (host/trust.h).
//
// A cache may stand on top of another one, which holds what is the same for everybody, that is kernels by name: one
// that a group shares (--cache-shared), whose entries are sealed once they are made (host/seal.h), or one that may only
// be read, as in a container's image. What runs add to such an entry is kept in the cache on top.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::host {

// An advisory lock on a file (flock), held until the end of the object's life or the process, whichever comes first.
class FileLock {
public:
    FileLock() = default;
    // Waits until it has the lock. Throws report::Refusal "file.unwritable" if the file cannot be made.
    static FileLock wait(const std::filesystem::path& path);
    // Empty (see operator bool) if somebody else has it.
    static FileLock try_now(const std::filesystem::path& path);
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&& other) noexcept;
    ~FileLock();
    explicit operator bool() const { return fd_ >= 0; }

private:
    explicit FileLock(int fd) : fd_(fd) {}
    int fd_ = -1;
};

// A folder that is removed when its owner goes; one left by a killed run is removed by the next Cache::open.
class TemporaryFolder {
public:
    TemporaryFolder(std::filesystem::path path, FileLock lock);
    TemporaryFolder(TemporaryFolder&& other) noexcept;
    TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
    ~TemporaryFolder();
    const std::filesystem::path& path() const { return path_; }

private:
    void drop() noexcept;
    std::filesystem::path path_;
    FileLock lock_;
};

enum class Sharing {
    none,  // the cache is ours alone
    group, // others write to it as well, on purpose
};

class Cache {
public:
    // Opens (and makes) the cache at `root`, and removes what killed runs left. Throws "file.unwritable",
    // "file.disk-full", "cache.untrusted".
    explicit Cache(std::filesystem::path root);
    // The same, on top of the cache at `shared`.
    Cache(std::filesystem::path root, std::filesystem::path shared, Sharing sharing);
    // The cache of the user's choice: $KLP_CACHE, else default_root(). If that one is shared, or may only be read, it
    // is the one below, and default_root() the one on top. Throws "cache.no-own" if both are the same, and
    // "cache.bad-path" for a path that kbuild cannot work in (the kernel's Makefile: "cannot contain spaces nor
    // colons").
    static Cache open(Sharing sharing);
    // $XDG_CACHE_HOME/klp-build, else ~/.cache/klp-build. Throws "kernel.no-cache".
    static std::filesystem::path default_root();

    const std::filesystem::path& root() const { return root_; }
    // The same, and that of the cache below if there is one: all of where entries can be.
    std::vector<std::filesystem::path> roots() const;

    using Maker = std::function<void(const std::filesystem::path&)>;
    // The folder of the entry `name` ("built/0123456789abcdef"). If it is not there, `make` is called with the empty
    // folder; if that throws, nothing remains. Throws "cache.untrusted" as well as what `make` does.
    std::filesystem::path entry(const std::string& name, const Maker& make) const;
    // The same for what is the same for everybody ("debian/linux-source-6.1_6.1.192-2"): of the cache below, if there
    // is one and it has the entry or a group shares it. Throws "cache.changed", "cache.unsealed" besides.
    std::filesystem::path common_entry(const std::string& name, const Maker& make) const;
    // Will common_entry() seal what it makes? Nothing can be added to it then.
    bool seals_common_entries() const;
    // Where what runs add to the common entry `name` is kept: the entry itself if it is ours.
    std::filesystem::path state_of(const std::string& name) const;
    bool has(const std::string& name) const;
    // The lock that those who change the entry after it was made hold meanwhile.
    FileLock lock(const std::string& name) const;

    // A private folder for this run.
    TemporaryFolder temporary() const;

private:
    struct Below {
        std::filesystem::path root;
        Sharing sharing;
    };
    void sweep() const;
    std::filesystem::path root_;
    std::optional<Below> below_;
};

// 64-bit FNV-1a of a text as 16 hexadecimal digits: names entries, guards nothing against malice.
std::string fingerprint(std::string_view text);

} // namespace klp::host
