#include "files/files.h"

#include "files/descriptor.h"
#include "files/new_file.h"
#include "report/finding.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace klp::files {

namespace fs = std::filesystem;

namespace {

// All of the file. Returns an errno, or 0.
template <typename Container>
int read_all(const fs::path& path, Container& content) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (file < 0 || fstat(file, &status) != 0)
        return errno;
    content.resize(S_ISREG(status.st_mode) ? static_cast<size_t>(status.st_size) : 0);
    for (size_t at = 0;;) {
        if (at == content.size())
            content.resize(at + 65536); // the size of what is no regular file, or grows, is not known
        const ssize_t got = read(file, content.data() + at, content.size() - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        at += static_cast<size_t>(got);
        if (got == 0) {
            content.resize(at);
            return 0;
        }
    }
}

template <typename Container>
Container read_or_refuse(const fs::path& path) {
    Container content;
    if (const int error = read_all(path, content))
        refuse_unread(path, error);
    return content;
}

} // namespace

void refuse_unread(const fs::path& path, int error) {
    throw report::Refusal("file.unreadable", path.string(), std::string("cannot be read: ") + std::strerror(error),
                          "check that it is there and may be read");
}

void refuse_unwritten(const fs::path& path, int error) {
    const std::string why = std::strerror(error);
    refuse_full_disk(why, path.string());
    throw report::Refusal(
        "file.unwritable", path.string(), "cannot be written: " + why,
        "check that its folder is there and may be written to (for a file of the cache, KLP_CACHE names another "
        "folder)");
}

void refuse_full_disk(std::string_view text, const std::string& where) {
    for (const int error : {ENOSPC, EDQUOT}) {
        const size_t at = text.find(std::strerror(error));
        if (at == std::string_view::npos)
            continue;
        const size_t begin = text.substr(0, at).rfind('\n') + 1; // npos + 1 is 0
        throw report::Refusal("file.disk-full", where,
                              fmt::format("the disk is full: {}", text.substr(begin, text.find('\n', at) - begin)),
                              "free some space there (for the cache, KLP_CACHE may name a folder on a larger disk)");
    }
}

std::string read_text(const fs::path& path) {
    return read_or_refuse<std::string>(path);
}

std::vector<std::byte> read_bytes(const fs::path& path) {
    return read_or_refuse<std::vector<std::byte>>(path);
}

std::optional<std::string> try_read_text(const fs::path& path) {
    std::string content;
    return read_all(path, content) == 0 ? std::optional(std::move(content)) : std::nullopt;
}

std::string read_start(const fs::path& path, size_t count) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string start(count, '\0');
    const ssize_t got = file < 0 ? -1 : read(file, start.data(), count);
    start.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return start;
}

void write(const fs::path& path, std::string_view text) {
    write(path, std::as_bytes(std::span(text)));
}

void write(const fs::path& path, std::span<const std::byte> bytes) {
    NewFile file(path);
    file.put(bytes);
    file.put_in_place();
}

void write_synced(const fs::path& path, std::span<const std::byte> bytes) {
    NewFile file(path);
    file.put(bytes);
    file.sync();
    file.put_in_place_synced();
}

void copy(const fs::path& from, const fs::path& to) {
    write(to, read_bytes(from));
}

void make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error)
        refuse_unwritten(path, error.value());
}

void remove_tree(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error)
        refuse_unwritten(path, error.value());
}

std::string stamp(const fs::path& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0)
        return path.string() + " absent";
    return fmt::format("{} {} {}.{:09}", path.string(), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

} // namespace klp::files
