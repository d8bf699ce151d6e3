#include "livepatch/system.h"

#include "elf/build_id.h"
#include "files/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace klp::livepatch {

namespace fs = std::filesystem;

namespace {

std::string without_newlines(std::string text) {
    text.resize(text.find_last_not_of('\n') + 1);
    return text;
}

std::string build_id_in(const System& system, std::string_view file) {
    const std::optional<std::string> notes = files::try_read_text(system.path(file));
    return notes ? elf::build_id(std::as_bytes(std::span(*notes))) : std::string();
}

std::vector<std::string> entries(const fs::path& folder, bool (*is_wanted)(const fs::directory_entry&)) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (is_wanted(*entry))
            names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

bool is_folder(const fs::directory_entry& entry) {
    std::error_code error;
    return entry.is_directory(error);
}

} // namespace

fs::path System::path(std::string_view absolute) const {
    return root_ / fs::path(absolute).relative_path();
}

std::optional<std::string> System::text(std::string_view absolute) const {
    std::optional<std::string> text = files::try_read_text(path(absolute));
    return text ? std::optional(without_newlines(std::move(*text))) : std::nullopt;
}

bool System::exists(std::string_view absolute) const {
    std::error_code error;
    return fs::exists(path(absolute), error);
}

std::vector<std::string> System::names(std::string_view folder) const {
    return entries(path(folder), [](const fs::directory_entry&) { return true; });
}

std::vector<std::string> System::folders(std::string_view folder) const {
    return entries(path(folder), is_folder);
}

RunningKernel running_kernel(const System& system) {
    return {.release = system.text("/proc/sys/kernel/osrelease").value_or(""),
            .build_id = build_id_in(system, "/sys/kernel/notes"),
            .boot_id = system.text("/proc/sys/kernel/random/boot_id").value_or("")};
}

std::string module_build_id(const System& system, std::string_view module) {
    return build_id_in(system, fmt::format("/sys/module/{}/notes/.note.gnu.build-id", module));
}

bool is_module_loaded(const System& system, std::string_view module) {
    // What is built in may have a folder too, but no state.
    return system.exists(fmt::format("/sys/module/{}/initstate", module));
}

std::optional<std::string> boot_parameter(const System& system, std::string_view name) {
    std::optional<std::string> value;
    std::istringstream words(system.text("/proc/cmdline").value_or(""));
    for (std::string word; words >> word;)
        if (word.starts_with(name) && word.size() > name.size() && word[name.size()] == '=')
            value = word.substr(name.size() + 1);
    return value;
}

} // namespace klp::livepatch
