#include "kernel/kept_object.h"

#include "files/files.h"
#include "files/text.h"

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

fs::path list_of(const fs::path& kept) {
    return kept.string() + ".stamps";
}

// PATH SIZE TIME, or PATH "absent"
bool is_as_stamped(std::string_view line) {
    const size_t time = line.rfind(' ');
    const size_t size = time == std::string_view::npos ? time : line.rfind(' ', time - 1);
    return size != std::string_view::npos && files::stamp(fs::path(line.substr(0, size))) == line;
}

} // namespace

bool is_current(const fs::path& kept) {
    if (!fs::exists(list_of(kept)) || !fs::exists(kept))
        return false;
    const std::string text = files::read_text(list_of(kept));
    for (const std::string_view line : files::lines_of(text))
        if (!is_as_stamped(line))
            return false;
    return true;
}

void keep_object(const fs::path& object, const std::vector<std::string>& files, const fs::path& directory,
                 const fs::path& kept) {
    files::make_folder(kept.parent_path());
    files::copy(object, kept);
    std::string stamps;
    for (const std::string& file : files)
        stamps += files::stamp(directory / file) + "\n";
    files::write(list_of(kept), stamps);
}

} // namespace klp::kernel
