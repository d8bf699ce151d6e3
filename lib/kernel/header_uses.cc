#include "kernel/header_uses.h"

#include "files/text.h"
#include "host/parallel.h"
#include "kernel/reading.h"
#include "source/change_use.h"
#include "source/unexpanded_use.h"

#include <algorithm>
#include <atomic>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, source::FileChange>;

std::vector<std::string> pragmas_of(const std::optional<std::string>& text) {
    std::vector<std::string> lines;
    if (text)
        for (const std::string_view line : files::lines_of(*text))
            if (line.find("pragma") != line.npos || line.find("_Pragma") != line.npos)
                lines.emplace_back(line);
    return lines;
}

// They change what stands elsewhere, and the tokens do not show it.
bool changes_pragmas(const Files& files) {
    return std::ranges::any_of(
        files, [](const auto& file) { return pragmas_of(file.second.before) != pragmas_of(file.second.after); });
}

std::set<std::string, std::less<>> names_of(const Files& files) {
    std::set<std::string, std::less<>> names;
    for (const auto& [path, change] : files)
        names.insert(fs::path(path).filename().string());
    return names;
}

source::CompileCommand command_of(const BuildUnit& unit, const Target& target) {
    return {target.build.string(), unit.compile.back(), unit.compile};
}

enum class Use { used, unused, left_out };

// Expanding all macros takes more than twice as long, and few units need it.
bool is_surely_unused(const source::UnitReader& reader, const source::CompileCommand& before,
                      const source::CompileCommand& after) {
    const std::optional<source::UnexpandedUnit> old_side = reader.read_unexpanded(before);
    const std::optional<source::UnexpandedUnit> new_side = old_side ? reader.read_unexpanded(after) : std::nullopt;
    return old_side && new_side && old_side->left_out == new_side->left_out &&
           source::is_surely_unused(*old_side, *new_side);
}

Use find_use(const source::UnitReader& reader, const UnitChange& change, const Target& target) {
    const source::CompileCommand original = command_of(change.unit, target),
                                 patched = command_of(change.patched, target);
    if (is_surely_unused(reader, original, patched))
        return Use::unused;
    const std::optional<source::ReadUnit> before = reader.read(original);
    const std::optional<source::ReadUnit> after = before ? reader.read(patched) : std::nullopt;
    if (!before || !after || source::uses_change(*before, *after))
        return Use::used;
    return before->left_out == after->left_out ? Use::unused : Use::left_out;
}

} // namespace

std::vector<UnitChange> users_of(const Target& target, const std::vector<UnitChange>& units, const Files& files,
                                 const fs::path& patched_source, unsigned jobs,
                                 const std::function<void(size_t, size_t)>& done) {
    if (changes_pragmas(files))
        return units;
    std::vector<Use> uses(units.size(), Use::used);
    std::vector<size_t> candidates;
    for (size_t i = 0; i < units.size(); ++i)
        if (!units[i].is_new() && !files.contains(units[i].patched.source) &&
            units[i].patched.compile == in_patched_tree(units[i].unit, target, patched_source).compile)
            candidates.push_back(i);

    const source::UnitReader reader(names_of(files));
    std::atomic<size_t> known = 0;
    host::parallel_for(candidates.size(), jobs, [&](size_t i) {
        uses[candidates[i]] = find_use(reader, units[candidates[i]], target);
        done(++known, candidates.size());
    });

    std::vector<Reading> readings;
    std::vector<size_t> asked;
    for (size_t i = 0; i < units.size(); ++i)
        if (uses[i] == Use::left_out) {
            readings.push_back({units[i].unit.compile.back(), units[i].unit.compile, units[i].unit.object});
            asked.push_back(i);
        }
    const std::vector<std::optional<std::string>> found = differences(target, patched_source, readings, jobs);
    for (size_t i = 0; i < asked.size(); ++i)
        uses[asked[i]] = found[i] ? Use::used : Use::unused;

    std::vector<UnitChange> users;
    for (size_t i = 0; i < units.size(); ++i)
        if (uses[i] == Use::used)
            users.push_back(units[i]);
    return users;
}

} // namespace klp::kernel
