#include "kernel/tree_paths.h"

#include "elf/object.h"
#include "files/files.h"

#include <algorithm>
#include <span>
#include <vector>

namespace klp::kernel {

namespace {

// Where the strings of the section begin that begin so.
std::vector<size_t> starts_in(const elf::Section& section, std::string_view beginning) {
    std::vector<size_t> starts;
    const std::string_view text(reinterpret_cast<const char*>(section.data.data()), section.data.size());
    for (size_t at = 0; (at = text.find(beginning, at)) != std::string_view::npos; at += beginning.size())
        if (at == 0 || text[at - 1] == '\0')
            starts.push_back(at);
    return starts;
}

void take_off(std::span<std::byte> text, size_t start, size_t count) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(start);
    const auto end = std::find(begin, text.end(), std::byte{0});
    std::fill(std::copy(begin + static_cast<std::ptrdiff_t>(count), end, begin), end, std::byte{0});
}

} // namespace

std::vector<std::string> trees_named_by(const std::string& path, std::string_view source) {
    if (!path.ends_with(source) || path == source)
        return {};
    std::vector<std::string> trees{path.substr(0, path.size() - source.size())};
    if (std::string plain = std::filesystem::path(trees[0]).lexically_normal(); plain != trees[0])
        trees.push_back(std::move(plain));
    return trees;
}

void take_off_tree(const std::filesystem::path& object, std::string_view tree) {
    std::vector<std::byte> bytes = files::read_bytes(object);
    bool is_changed = false;
    const elf::Object file = elf::Object::open(object);
    for (const elf::Section& section : file.sections()) {
        if (!section.is_mergeable_strings() || !section.is_allocated() || section.entry_size != 1)
            continue;
        const size_t offset = static_cast<size_t>(section.data.data() - file.file().data());
        for (size_t start : starts_in(section, tree)) {
            take_off(std::span(bytes).subspan(offset, section.data.size()), start, tree.size());
            is_changed = true;
        }
    }
    if (is_changed)
        files::write(object, bytes);
}

} // namespace klp::kernel
