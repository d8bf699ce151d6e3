// Files that appear together or not at all.
#pragma once

#include "files/new_file.h"

#include <list>

namespace klp::files {

// Each file is written under a temporary name and is on the disk when add() returns; put_in_place() gives all of them
// their names. What was there under those names stays until then, and for good where add() throws.
class Together {
public:
    // Makes the file's folder as well. Throws as files::write() does.
    void add(const std::filesystem::path& path, std::span<const std::byte> bytes);
    // Throws "file.unwritable" where a name is a folder's; check_writable() tells beforehand.
    void put_in_place();
    // Forgets them.
    void drop() { files_.clear(); }

private:
    std::list<NewFile> files_;
};

// Whether a file could be written under this name, its folder made where it is not there: throws "file.unwritable" with
// what stands in the way. Writes nothing.
void check_writable(const std::filesystem::path& path);

} // namespace klp::files
