#include "files/new_file.h"

#include "files/files.h"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace klp::files {

namespace {

// A new name is on the disk once its folder is. One that may be written to but not read cannot be synced.
void sync_folder(const std::filesystem::path& path) {
    const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder >= 0 && fsync(folder) != 0 && errno != EINVAL)
        refuse_unwritten(path, errno);
}

bool is_special(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
           !std::filesystem::is_directory(status);
}

} // namespace

std::filesystem::path followed(std::filesystem::path path) {
    constexpr unsigned most_links = 40; // as the kernel allows (MAXSYMLINKS)
    std::error_code error;
    for (unsigned count = 0; count < most_links && !is_special(path) && std::filesystem::is_symlink(path, error);
         ++count)
        path = path.parent_path() / std::filesystem::read_symlink(path); // an absolute one replaces all
    return path;
}

NewFile::NewFile(std::filesystem::path path)
    : path_(followed(std::move(path))), is_special_(is_special(path_)), file_(is_special_ ? open_special() : create()) {
    if (file_ < 0)
        refuse();
}

NewFile::~NewFile() {
    if (!in_place_ && !is_special_)
        unlink(temporary_.c_str());
}

void NewFile::put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file_, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            refuse();
        if (written > 0)
            bytes = bytes.subspan(static_cast<size_t>(written));
    }
}

void NewFile::sync() {
    if (!is_special_ && fsync(file_) != 0)
        refuse();
}

void NewFile::put_in_place() {
    if (!is_special_ && rename(temporary_.c_str(), path_.c_str()) != 0)
        refuse();
    in_place_ = true;
}

void NewFile::put_in_place_synced() {
    put_in_place();
    if (!is_special_)
        sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

// A name that neither another thread or process nor what a killed one left has. open(), unlike mkstemp(), gives the
// file the mode that the user's umask wants.
int NewFile::create() {
    static std::atomic<unsigned> count = 0;
    int file = -1;
    do {
        temporary_ = fmt::format("{}.{}-{}", path_.string(), getpid(), count++);
        file = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (file < 0 && errno == EEXIST);
    return file;
}

int NewFile::open_special() {
    return open(path_.c_str(), O_WRONLY | O_CLOEXEC);
}

void NewFile::refuse() const {
    refuse_unwritten(path_, errno);
}

} // namespace klp::files
