// A file that is being written under a temporary name beside its own.
#pragma once

#include "files/descriptor.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace klp::files {

// Where a link leads, as long as that is a file or nothing yet. What is opened by a name of /proc has no other one.
std::filesystem::path followed(std::filesystem::path path);

// It goes away if it is never put in place. A link is followed, and what is no file (/dev/stdout, a pipe) is written to
// as it is: nothing is put in its place. All throw as files::write() does.
class NewFile {
public:
    // How much longer than the file's its temporary name is, at most: ".PID-NUMBER".
    static constexpr size_t longest_suffix = 24;

    explicit NewFile(std::filesystem::path path);
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();

    void put(std::span<const std::byte> bytes);
    void sync();
    void put_in_place();
    // With it the new name is on the disk as well.
    void put_in_place_synced();

private:
    int create();
    int open_special();
    [[noreturn]] void refuse() const;

    std::filesystem::path path_;
    std::string temporary_;
    bool is_special_; // there is something that is no file
    Descriptor file_;
    bool in_place_ = false;
};

} // namespace klp::files
