#include "files/together.h"

#include "files/files.h"
#include "files/new_file.h"

#include <cerrno>
#include <climits>
#include <unistd.h>

namespace klp::files {

namespace fs = std::filesystem;

void Together::add(const fs::path& path, std::span<const std::byte> bytes) {
    if (path.has_parent_path())
        make_folder(path.parent_path());
    NewFile& file = files_.emplace_back(path);
    file.put(bytes);
    file.sync();
}

void Together::put_in_place() {
    for (NewFile& file : files_)
        file.put_in_place_synced();
    files_.clear();
}

void check_writable(const fs::path& given) {
    const fs::path path = followed(given);
    if (path.filename().string().size() + NewFile::longest_suffix > NAME_MAX)
        refuse_unwritten(path, ENAMETOOLONG);
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
        refuse_unwritten(path, EISDIR);
    fs::path folder = fs::absolute(path).parent_path();
    while (path == given && !fs::exists(folder, ignored) && folder.has_relative_path()) // none is made behind a link
        folder = folder.parent_path();
    if (!fs::is_directory(folder, ignored))
        refuse_unwritten(path, ENOTDIR);
    if (access(folder.c_str(), W_OK | X_OK) != 0)
        refuse_unwritten(path, errno);
}

} // namespace klp::files
