#include "kernel/mirror.h"

#include "files/files.h"
#include "files/text.h"
#include "report/interruption.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Paths, from the top of the tree, that make kbuild call it unclean or that belong to one build.
constexpr std::array build_products = {std::string_view("include/config"), std::string_view("include/generated"),
                                       std::string_view("Module.symvers"), std::string_view("modules.order"),
                                       std::string_view("System.map"),     std::string_view("vmlinux")};
constexpr std::array build_suffixes = {std::string_view(".o"),   std::string_view(".ko"),    std::string_view(".a"),
                                       std::string_view(".cmd"), std::string_view(".mod"),   std::string_view(".mod.c"),
                                       std::string_view(".o.d"), std::string_view(".order"), std::string_view(".gch")};

bool is_build_product(const std::string& path, std::string_view name) {
    for (const std::string_view product : build_products) {
        if (path == product)
            return true;
    }
    for (const std::string_view suffix : build_suffixes) {
        if (name.ends_with(suffix))
            return true;
    }
    // arch/ARCH/include/generated
    if (path.starts_with("arch/") && path.ends_with("/include/generated"))
        return true;
    return name == ".git" || name == ".config" || name == ".config.old" || name.starts_with(".tmp_") ||
           (name.starts_with("vmlinux.") && !name.ends_with(".h") && name.find(".lds") == std::string_view::npos);
}

[[noreturn]] void refuse(const fs::path& path, const std::error_code& error) {
    files::refuse_unwritten(path, error.value());
}

void make_link(const fs::path& target, const fs::path& link) {
    std::error_code error;
    fs::create_symlink(target, link, error);
    if (error)
        refuse(link, error);
}

std::string below(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : folder + "/" + name;
}

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

fs::path folder_list_of(const fs::path& root) {
    return root.string() + ".folders";
}

// Where a folder is filled before it takes the place of a link. Still there after a run that was killed.
fs::path staging_of(const fs::path& root) {
    return root.string() + ".opening";
}

constexpr std::string_view whole_header = "klp-build folders 1 whole";
constexpr std::string_view part_header = "klp-build folders 1 part";

// No folder of the tree bears it.
constexpr int64_t unknown_time = -1;

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

// In nanoseconds; nothing where there is no such folder, or a link in its place.
std::optional<int64_t> time_of_folder(const fs::path& folder) {
    struct stat status = {};
    if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        return std::nullopt;
    return static_cast<int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

bool leads_to(const fs::path& link, const fs::path& wanted) {
    std::error_code error;
    return fs::read_symlink(link, error) == wanted && !error;
}

// To be asked before the folder is read. A time that is so young that another change could bear the same is not noted.
int64_t time_to_note(const fs::path& folder) {
    const std::optional<int64_t> time = time_of_folder(folder);
    if (!time)
        files::refuse_unread(folder, ENOENT);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return now - std::chrono::nanoseconds(*time) > std::chrono::seconds(2) ? *time : unknown_time;
}

struct TreeEntry {
    std::string name;
    bool is_folder = false; // a real one
    fs::path link;          // what a link in its place says
};

// What of a folder of the tree belongs into a mirror. A link to a folder inside the tree
// (scripts/dtc/include-prefixes) stays a link, by its own text.
std::vector<TreeEntry> entries_of(const fs::path& tree, const std::string& relative) {
    std::vector<TreeEntry> entries;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(tree / relative, error)) {
        std::string name = entry.path().filename().string();
        if (is_build_product(below(relative, name), name))
            continue;
        const bool is_link = entry.is_symlink();
        if (!is_link)
            entries.push_back({std::move(name), entry.is_directory(), entry.path()});
        else
            entries.push_back({std::move(name), false,
                               entry.is_directory() ? fs::read_symlink(entry.path()) : real_file(entry.path())});
    }
    if (error)
        files::refuse_unread(tree / relative, error.value());
    return entries;
}

} // namespace

Mirror::Mirror(fs::path tree, fs::path root) : tree_(std::move(tree)), root_(std::move(root)) {
    if (!fs::exists(staging_of(root_)))
        return;
    // A run was killed between a link's end and the folder in its place.
    files::remove_tree(staging_of(root_));
    load();
    for (auto& [path, time] : times_)
        time = unknown_time;
    synchronize();
}

void Mirror::load() {
    if (is_loaded_)
        return;
    is_loaded_ = true;
    const std::string text = files::try_read_text(folder_list_of(root_)).value_or("");
    const std::vector<std::string_view> lines = files::lines_of(text);
    bool is_sound = !lines.empty() && (lines.front() == whole_header || lines.front() == part_header);
    for (size_t i = 1; is_sound && i < lines.size(); ++i) {
        const std::string_view line = lines[i];
        const size_t blank = line.find(' ');
        int64_t time = unknown_time;
        const auto [end, error] = std::from_chars(line.data(), line.data() + std::min(blank, line.size()), time);
        is_sound = blank != line.npos && error == std::errc() && end == line.data() + blank;
        if (is_sound)
            times_.emplace(line.substr(blank + 1), time);
    }
    if (is_sound) {
        is_whole_ = lines.front() == whole_header;
        return;
    }
    times_.clear();
    if (is_folder(root_))
        find_folders("");
}

void Mirror::find_folders(const std::string& path) {
    times_[path] = unknown_time;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / path))
        if (is_folder(entry.path()))
            find_folders(below(path, entry.path().filename().string()));
}

void Mirror::save() const {
    std::string text = fmt::format("{}\n", is_whole_ ? whole_header : part_header);
    for (const auto& [path, time] : times_)
        text += fmt::format("{} {}\n", time, path);
    files::write(folder_list_of(root_), text);
}

void Mirror::fill(const std::string& path, const fs::path& folder, Depth depth) {
    report::stop_if_interrupted(); // a kernel tree has thousands of folders
    const int64_t time = time_to_note(tree_ / path);
    files::make_folder(folder);
    for (const TreeEntry& entry : entries_of(tree_, path))
        if (entry.is_folder && depth == Depth::all_below)
            fill(below(path, entry.name), folder / entry.name, depth);
        else
            make_link(entry.link, folder / entry.name);
    times_[path] = time;
}

void Mirror::open_folder(const std::string& path, Depth depth) {
    load();
    const fs::path staging = staging_of(root_);
    fill(path, staging, depth);
    files::remove_tree(root_ / path);
    std::error_code error;
    fs::rename(staging, root_ / path, error);
    if (error)
        refuse(root_ / path, error);
}

// Returns whether there is such a folder of its own now.
bool Mirror::open_one(const std::string& path, bool& is_new) {
    if (is_folder(root_ / path))
        return true;
    if (!is_folder(tree_ / path))
        return false;
    open_folder(path, Depth::one_folder);
    is_new = true;
    return true;
}

void Mirror::open(const std::string& folder) {
    bool is_new = false;
    std::string path;
    bool is_open = open_one(path, is_new);
    for (const fs::path& part : fs::path(folder)) {
        if (part == "..")
            path = parent_of(path);
        else if (!part.empty() && part != ".")
            path = below(path, part.string());
        is_open = is_open && open_one(path, is_new);
    }
    if (is_new)
        save();
}

void Mirror::open_below(const std::string& path) {
    for (const TreeEntry& entry : entries_of(tree_, path)) {
        if (!entry.is_folder)
            continue;
        const std::string name = below(path, entry.name);
        if (is_folder(root_ / name))
            open_below(name);
        else
            open_folder(name, Depth::all_below);
    }
}

void Mirror::open_all() {
    load();
    if (is_whole_)
        return;
    if (is_folder(root_))
        open_below("");
    else
        open_folder("", Depth::all_below);
    is_whole_ = true;
    save();
}

void Mirror::take(const std::string& path) {
    const int64_t time = time_to_note(tree_ / path);
    std::error_code error;
    std::map<std::string, fs::file_type> present;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / path, error))
        present[entry.path().filename().string()] = entry.symlink_status().type();
    if (error)
        refuse(root_ / path, error);
    for (const TreeEntry& entry : entries_of(tree_, path)) {
        const std::string name = below(path, entry.name);
        const auto found = present.find(entry.name);
        const bool is_there = found != present.end();
        const bool is_real = is_there && found->second == fs::file_type::directory;
        if (entry.is_folder && !is_real && is_whole_) {
            open_folder(name, Depth::all_below);
        } else if (entry.is_folder ? !is_real && !leads_to(root_ / name, entry.link) : !is_there || is_real) {
            files::remove_tree(root_ / name);
            make_link(entry.link, root_ / name);
        }
        if (is_there)
            present.erase(found);
    }
    for (const auto& [name, type] : present)
        files::remove_tree(root_ / path / name);
    times_[path] = time;
}

void Mirror::synchronize() {
    load();
    const FolderTimes known = std::exchange(times_, {});
    for (const auto& [path, time] : known) {
        const bool is_parent_there = path.empty() || times_.contains(parent_of(path));
        // Through a link in its place the tree itself would be changed.
        if (times_.contains(path) || !is_parent_there || !is_folder(root_ / path))
            continue;
        const std::optional<int64_t> now = time_of_folder(tree_ / path);
        if (now && *now == time)
            times_.emplace(path, time);
        else if (now || path.empty())
            take(path);
    }
    if (times_ != known)
        save();
}

void Mirror::put_back(const std::string& path) {
    files::make_folder((root_ / path).parent_path());
    make_link(real_file(tree_ / path), root_ / path);
}

void Mirror::remove() {
    for (const fs::path& path : {folder_list_of(root_), staging_of(root_), root_})
        files::remove_tree(path);
}

fs::path real_file(fs::path file) {
    std::error_code error;
    for (int hops = 0; hops < 8 && fs::is_symlink(fs::symlink_status(file, error)); ++hops) {
        const fs::path next = fs::read_symlink(file, error);
        if (error || next.is_relative())
            break;
        file = next;
    }
    return file;
}

void synchronize_mirror(const fs::path& tree, const fs::path& root) {
    Mirror mirror(tree, root);
    mirror.synchronize();
    mirror.open_all();
}

} // namespace klp::kernel
