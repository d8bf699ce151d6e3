#include "host/cache.h"

#include "files/files.h"
#include "report/finding.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

int open_lock_file(const fs::path& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        files::refuse_unwritten(path, errno);
    return fd;
}

// A lock file may have been removed between open and flock; then the lock is on a file that nobody else will find.
bool is_still_there(int fd, const fs::path& path) {
    struct stat ours{}, theirs{};
    return fstat(fd, &ours) == 0 && stat(path.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino;
}

fs::path marker_of(const fs::path& folder) {
    return folder.string() + ".complete";
}
fs::path lock_of(const fs::path& folder) {
    return folder.string() + ".lock";
}

} // namespace

FileLock FileLock::wait(const fs::path& path) {
    while (true) {
        FileLock lock(open_lock_file(path));
        while (flock(lock.fd_, LOCK_EX) != 0 && errno == EINTR) {
        }
        if (is_still_there(lock.fd_, path))
            return lock;
    }
}

FileLock FileLock::try_now(const fs::path& path) {
    FileLock lock(open_lock_file(path));
    // Any other error is, as for wait(), that of a kernel or file system without locks, where nobody has one.
    if ((flock(lock.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) || !is_still_there(lock.fd_, path))
        return {};
    return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileLock::~FileLock() {
    if (fd_ >= 0)
        close(fd_);
}

TemporaryFolder::TemporaryFolder(fs::path path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
}

TemporaryFolder::~TemporaryFolder() {
    drop();
}

void TemporaryFolder::drop() noexcept {
    if (path_.empty())
        return;
    std::error_code ignored; // the next run's sweep has another go
    fs::remove_all(path_, ignored);
    fs::remove(lock_of(path_), ignored);
}

Cache::Cache(fs::path root) : root_(fs::absolute(std::move(root))) {
    files::make_folder(root_ / "tmp");
    sweep();
}

fs::path Cache::default_root() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value != nullptr ? value : "");
    };
    if (const std::string chosen = variable("KLP_CACHE"); !chosen.empty())
        return chosen;
    if (const std::string base = variable("XDG_CACHE_HOME"); !base.empty())
        return fs::path(base) / "klp-build";
    if (const std::string home = variable("HOME"); !home.empty())
        return fs::path(home) / ".cache" / "klp-build";
    throw report::Refusal("kernel.no-cache", "KLP_CACHE", "neither KLP_CACHE nor HOME is set", "set KLP_CACHE");
}

// Folders in tmp/ whose lock nobody holds belong to runs that were killed.
void Cache::sweep() const {
    std::error_code error;
    for (const fs::directory_entry& item : fs::directory_iterator(root_ / "tmp", error)) {
        if (item.path().extension() != ".lock")
            continue;
        const FileLock lock = FileLock::try_now(item.path());
        if (!lock)
            continue;
        fs::path folder = item.path();
        folder.replace_extension();
        std::error_code ignored;
        fs::remove_all(folder, ignored);
        fs::remove(item.path(), ignored);
    }
}

TemporaryFolder Cache::temporary() const {
    static std::atomic<unsigned> counter = 0;
    while (true) {
        const fs::path path = root_ / "tmp" / fmt::format("{}-{}", getpid(), counter++);
        FileLock lock = FileLock::try_now(lock_of(path));
        if (!lock || fs::exists(path))
            continue;
        files::make_folder(path);
        return TemporaryFolder(path, std::move(lock));
    }
}

bool Cache::has(const std::string& name) const {
    return fs::exists(marker_of(root_ / name));
}

FileLock Cache::lock(const std::string& name) const {
    return FileLock::wait(lock_of(root_ / name));
}

fs::path Cache::entry(const std::string& name, const std::function<void(const fs::path&)>& make) const {
    const fs::path folder = root_ / name;
    if (has(name))
        return folder;
    files::make_folder(folder.parent_path());
    const FileLock held = lock(name);
    if (has(name)) // another run made it while we waited
        return folder;
    files::remove_tree(folder);
    files::make_folder(folder);
    try {
        make(folder);
        files::write(marker_of(folder), name + "\n");
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(folder, ignored);
        throw;
    }
    return folder;
}

std::string fingerprint(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3;
    }
    return fmt::format("{:016x}", hash);
}

} // namespace klp::host
