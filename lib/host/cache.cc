#include "host/cache.h"

#include "files/files.h"
#include "host/seal.h"
#include "host/trust.h"
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
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    // The lock of somebody else who shares the cache: a lock needs no right to write.
    if (fd < 0 && errno == EACCES)
        fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        files::refuse_unwritten(path, errno);
    return fd;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
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

bool is_complete(const fs::path& folder) {
    return fs::exists(marker_of(folder));
}

// Makes what lies at `folder`, unless another run does so meanwhile. `finish` is the last step before it counts.
void make_entry(const fs::path& folder, const std::string& name, const Cache::Maker& make,
                const std::function<void()>& finish) {
    const FileLock held = FileLock::wait(lock_of(folder));
    if (is_complete(folder))
        return;
    break_seal(folder);
    files::make_folder(folder);
    try {
        make(folder);
        finish();
        files::write(marker_of(folder), name + "\n");
    } catch (...) {
        try {
            break_seal(folder);
        } catch (const report::Refusal&) {
            // The next run has another go; what went wrong first is what is told.
        }
        throw;
    }
}

bool can_write(const fs::path& folder) {
    return access(folder.c_str(), W_OK | X_OK) == 0;
}

void require_usable(const fs::path& root) {
    const std::string path = fs::absolute(root).string();
    std::error_code error;
    if (const fs::file_status status = fs::status(root, error); error && status.type() != fs::file_type::not_found)
        throw report::Refusal("cache.bad-path", path, "the cache cannot be looked at: " + error.message(),
                              "let KLP_CACHE name another folder for the cache");
    if (fs::exists(root) && !fs::is_directory(root))
        throw report::Refusal("cache.bad-path", path, "the cache is a folder, and this is none",
                              "let KLP_CACHE name another folder for the cache");
    const size_t bad = path.find_first_of(" \t\n:;&|<>()$`'\"\\#%*?[]!");
    if (bad != std::string::npos)
        throw report::Refusal("cache.bad-path", path,
                              fmt::format("the kernel's makefiles cannot work in a folder that has '{}' in its path",
                                          path.substr(bad, 1)),
                              "let KLP_CACHE name another folder for the cache");
}

// Nobody else shall be able to change what a run puts into its cache, whatever the umask is for other files.
void keep_others_out() {
    umask(umask(0) | 022);
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
    // A compiler that is being killed may still write. Where the folder stays, so does the lock that the next run's
    // sweep goes by.
    std::error_code error;
    fs::remove_all(path_, error);
    if (!error)
        fs::remove(lock_of(path_), error);
}

Cache::Cache(fs::path root) : root_(fs::absolute(std::move(root))) {
    keep_others_out();
    require_own_place(root_);
    files::make_folder(root_ / "tmp");
    sweep();
}

Cache::Cache(fs::path root, fs::path shared, Sharing sharing) : Cache(std::move(root)) {
    below_ = Below{fs::absolute(std::move(shared)), sharing};
    if (sharing == Sharing::none)
        require_own_place(below_->root);
}

Cache Cache::open(Sharing sharing) {
    const std::string chosen = variable("KLP_CACHE");
    const fs::path root = chosen.empty() ? default_root() : fs::path(chosen);
    require_usable(root);
    const bool is_read_only = fs::exists(root) && !can_write(root);
    if (sharing == Sharing::none && !is_read_only)
        return Cache(root);
    std::error_code error;
    if (chosen.empty() || fs::weakly_canonical(root, error) == fs::weakly_canonical(default_root(), error))
        throw report::Refusal(
            "cache.no-own", root.string(),
            is_read_only ? "the cache cannot be written to, and there is no other one for what a run adds"
                         : "a shared cache needs one of your own beside it, for what your runs add",
            "let KLP_CACHE name the shared cache, and XDG_CACHE_HOME (or HOME) another folder that you "
            "may write to");
    require_usable(default_root());
    return Cache(default_root(), root, sharing);
}

fs::path Cache::default_root() {
    if (const std::string base = variable("XDG_CACHE_HOME"); !base.empty())
        return fs::path(base) / "klp-build";
    if (const std::string home = variable("HOME"); !home.empty())
        return fs::path(home) / ".cache" / "klp-build";
    throw report::Refusal("kernel.no-cache", "HOME", "neither XDG_CACHE_HOME nor HOME is set",
                          "set one of them, or KLP_CACHE, to a folder that you may write to");
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
        std::error_code failed;
        fs::remove_all(folder, failed);
        if (!failed)
            fs::remove(item.path(), failed);
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
    return is_complete(root_ / name) || (below_ && is_complete(below_->root / name));
}

FileLock Cache::lock(const std::string& name) const {
    return FileLock::wait(lock_of(root_ / name));
}

std::vector<fs::path> Cache::roots() const {
    std::vector<fs::path> roots = {root_};
    if (below_)
        roots.push_back(below_->root);
    return roots;
}

fs::path Cache::entry(const std::string& name, const Maker& make) const {
    const fs::path folder = root_ / name;
    if (!is_complete(folder)) {
        files::make_folder(folder.parent_path());
        make_entry(folder, name, make, [] {});
    }
    require_own_entry(root_, folder);
    // Its time says when the entry was last used (host/inventory.h).
    utimensat(AT_FDCWD, marker_of(folder).c_str(), nullptr, 0);
    return folder;
}

fs::path Cache::common_entry(const std::string& name, const Maker& make) const {
    if (!below_)
        return entry(name, make);
    const fs::path folder = below_->root / name;
    if (!is_complete(folder) && !seals_common_entries())
        return entry(name, make);
    if (below_->sharing == Sharing::none) {
        require_own_entry(below_->root, folder);
        return folder;
    }
    if (!is_complete(folder)) {
        files::make_folder(folder.parent_path());
        // The folders between are for all who may write to the cache.
        std::error_code error;
        fs::permissions(folder.parent_path(), fs::status(below_->root).permissions(), error);
        make_entry(folder, name, make, [&] { seal(folder); });
    }
    check_seal(folder, root_ / "seen" / fingerprint(folder.string()));
    return folder;
}

bool Cache::seals_common_entries() const {
    return below_ && below_->sharing == Sharing::group && can_write(below_->root);
}

fs::path Cache::state_of(const std::string& name) const {
    if (!below_ || !is_complete(below_->root / name))
        return root_ / name;
    fs::path state = root_ / "added" / fingerprint(below_->root.string()) / name;
    files::make_folder(state);
    return state;
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
