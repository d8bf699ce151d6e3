// The only place where anything outlives a run: $KLP_CACHE, or ~/.cache/klp-build.
//
// An entry is a folder that was expensive to make. It counts only once a marker file stands beside it, which is written
// last; a folder without one is what a killed run left, and is removed before the entry is made anew. Entries are made
// in place, not renamed, because kbuild writes the absolute path of a build directory into it. Whoever makes or changes
// an entry holds its lock, so two runs at once make it once.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

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

class Cache {
public:
    // Opens (and makes) the cache at `root`, and removes what killed runs left. Throws "file.unwritable",
    // "file.disk-full".
    explicit Cache(std::filesystem::path root);
    // $KLP_CACHE, else $XDG_CACHE_HOME/klp-build, else ~/.cache/klp-build.
    static std::filesystem::path default_root();

    const std::filesystem::path& root() const { return root_; }

    // The folder of the entry `name` ("debian/linux-source-6.1_6.1.192-2"). If it is not there, `make` is called with
    // the empty folder; if that throws, nothing remains.
    std::filesystem::path entry(const std::string& name,
                                const std::function<void(const std::filesystem::path&)>& make) const;
    bool has(const std::string& name) const;
    // The lock that those who change the entry after it was made hold meanwhile.
    FileLock lock(const std::string& name) const;

    // A private folder for this run.
    TemporaryFolder temporary() const;

private:
    void sweep() const;
    std::filesystem::path root_;
};

// 64-bit FNV-1a of a text as 16 hexadecimal digits: names entries, guards nothing against malice.
std::string fingerprint(std::string_view text);

} // namespace klp::host
