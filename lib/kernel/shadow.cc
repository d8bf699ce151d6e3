#include "kernel/shadow.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace klp::kernel {

namespace {

// One way to write the new header's name: what stands in the #include, and the folder where that leads to it.
struct Spelling {
    std::string name;   // "linux/x.h"
    std::string folder; // "/src/include"
};

std::vector<Spelling> spellings_of(const std::string& file, const std::string& root) {
    std::vector<Spelling> spellings;
    for (size_t slash = file.rfind('/'); slash != std::string::npos && slash >= root.size();
         slash = file.rfind('/', slash - 1))
        spellings.push_back({file.substr(slash + 1), file.substr(0, slash)});
    return spellings;
}

bool ends_with_path(std::string_view file, std::string_view name) {
    return file.size() > name.size() && file.ends_with(name) && file[file.size() - name.size() - 1] == '/';
}

} // namespace

std::set<std::string> search_folders(const BuildUnit& unit, const std::filesystem::path& build) {
    constexpr std::array options = {std::string_view("-iquote"), std::string_view("-isystem"),
                                    std::string_view("-idirafter"), std::string_view("-I")};
    std::set<std::string> folders;
    for (size_t i = 0; i < unit.compile.size(); ++i)
        for (const std::string_view option : options) {
            std::string_view word = unit.compile[i];
            if (!word.starts_with(option))
                continue;
            word.remove_prefix(option.size());
            if (word.empty() && i + 1 < unit.compile.size())
                word = unit.compile[++i];
            folders.insert(source::absolute_path(build.string(), word));
            break;
        }
    return folders;
}

std::vector<const BuildUnit*> units_that_may_find(const std::string& path, const std::vector<BuildUnit>& units,
                                                  const source::IncludeGraph& graph,
                                                  const std::set<std::string>& asking,
                                                  const std::filesystem::path& source,
                                                  const std::filesystem::path& build) {
    const std::string file = source::absolute_path(source.string(), path);
    const std::vector<Spelling> spellings = spellings_of(file, source.string());
    // Who reads something of the same name, by the longest name that they have in common.
    std::set<std::string> namesakes_read, asking_read;
    for (const std::string& other : graph.files_named(file.substr(file.rfind('/') + 1)))
        if (other != file)
            for (std::string& unit : graph.units_including(other))
                namesakes_read.insert(std::move(unit));
    for (const std::string& other : asking)
        for (std::string& unit : graph.units_including(other))
            asking_read.insert(std::move(unit));
    std::vector<const BuildUnit*> found;
    for (const BuildUnit& unit : units) {
        const std::string name = source::absolute_path((unit.is_generated ? build : source).string(), unit.source);
        if (asking_read.contains(name)) {
            found.push_back(&unit);
            continue;
        }
        if (!namesakes_read.contains(name))
            continue;
        const std::vector<std::string> files = graph.files_of(name).value_or(std::vector<std::string>{});
        const std::set<std::string> folders = search_folders(unit, build);
        const bool may_find = std::ranges::any_of(spellings, [&](const Spelling& spelling) {
            const bool looks_there =
                folders.contains(spelling.folder) || std::ranges::any_of(files, [&](const std::string& read) {
                    return read.substr(0, read.rfind('/')) == spelling.folder;
                });
            return looks_there && std::ranges::any_of(files, [&](const std::string& read) {
                       return ends_with_path(read, spelling.name);
                   });
        });
        if (may_find)
            found.push_back(&unit);
    }
    return found;
}

} // namespace klp::kernel
