#include "host/files.h"

#include "host/process.h"
#include "report/finding.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse_write(const fs::path& path, const std::string& why) {
    refuse_full_disk(why, path.string());
    throw report::Refusal("kernel.unwritable", path.string(), "cannot be written: " + why,
                          "check the permissions of the folder, or set KLP_CACHE to another one");
}

} // namespace

std::string read_file(const fs::path& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd < 0 || fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
        const std::string why = fd < 0 ? std::strerror(errno) : "not a file";
        if (fd >= 0)
            close(fd);
        throw report::Refusal("kernel.unreadable", path.string(), "cannot be read: " + why);
    }
    std::string text;
    text.reserve(static_cast<size_t>(status.st_size) + 1);
    char buffer[65536];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0)
            text.append(buffer, static_cast<size_t>(got));
    }
    const int error = errno;
    close(fd);
    if (got < 0)
        throw report::Refusal("kernel.unreadable", path.string(),
                              std::string("cannot be read: ") + std::strerror(error));
    return text;
}

void write_file(const fs::path& path, std::string_view text) {
    std::string temporary = path.string() + ".XXXXXX";
    const int fd = mkostemp(temporary.data(), O_CLOEXEC);
    if (fd < 0)
        refuse_write(path, std::strerror(errno));
    const auto fail = [&] {
        const std::string why = std::strerror(errno);
        close(fd);
        unlink(temporary.c_str());
        refuse_write(path, why);
    };
    if (fchmod(fd, 0644) != 0)
        fail();
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            fail();
        if (written > 0)
            text.remove_prefix(static_cast<size_t>(written));
    }
    close(fd);
    if (rename(temporary.c_str(), path.c_str()) != 0) {
        const std::string why = std::strerror(errno);
        unlink(temporary.c_str());
        refuse_write(path, why);
    }
}

void make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error)
        refuse_write(path, error.message());
}

void remove_tree(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error)
        refuse_write(path, error.message());
}

std::string fingerprint(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3;
    }
    return fmt::format("{:016x}", hash);
}

std::string file_stamp(const fs::path& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0)
        return path.string() + " absent";
    return fmt::format("{} {} {}.{:09}", path.string(), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

} // namespace klp::host
