#include "kernel/untraced.h"

#include "files/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace klp::kernel {

namespace {

namespace fs = std::filesystem;

// -fpatchable-function-entry=N,M leaves N no-ops, M of them before the entry: with all of them there (x86,
// CONFIG_CALL_PADDING) they are not for ftrace.
bool has_patchable_entry(std::string_view argument) {
    constexpr std::string_view option = "-fpatchable-function-entry=";
    if (!argument.starts_with(option))
        return false;
    const std::string_view counts = argument.substr(option.size());
    const size_t comma = counts.find(',');
    return comma == std::string_view::npos || counts.substr(0, comma) != counts.substr(comma + 1);
}

bool is_traced(const BuildUnit& unit) {
    return std::ranges::any_of(
        unit.compile, [](const std::string& argument) { return argument == "-pg" || has_patchable_entry(argument); });
}

// The flags are taken away from one object, or from all of the folder.
bool takes_away(std::string_view line, const std::string& object) {
    auto says = [&](std::string_view what) { return line.find(what) != std::string_view::npos; };
    if (line.starts_with('#') || !(says("CC_FLAGS_FTRACE") || says("-pg")))
        return false;
    return says("CFLAGS_REMOVE_" + object) || line.starts_with("ccflags-remove-") || says("$(subst ");
}

std::string line_in(const fs::path& tree, const fs::path& makefile, const std::string& object) {
    std::istringstream text(files::read_text(tree / makefile));
    std::string line;
    for (unsigned number = 1; std::getline(text, line); ++number)
        if (takes_away(line, object))
            return fmt::format("{}:{}: {}", makefile.string(), number, line);
    return {};
}

} // namespace

std::string untraced_by(const Target& target, const BuildUnit& unit) {
    if (is_traced(unit))
        return {};
    const fs::path folder = fs::path(unit.object).parent_path();
    for (const char* name : {"Makefile", "Kbuild"}) {
        if (!fs::exists(target.source / folder / name))
            continue;
        if (std::string line = line_in(target.source, folder / name, fs::path(unit.object).filename()); !line.empty())
            return line;
    }
    return "kbuild";
}

} // namespace klp::kernel
