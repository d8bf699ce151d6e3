// A patch to a header that thousands of units include: a few of them tell what it does to types, before the
// preprocessor and the compiler are asked about all.
#include "pipeline.h"

#include "files/files.h"
#include "source/touched_macros.h"
#include "source/touched_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::build {

namespace {

// Up to as many units are compiled before the others: a wrong guess costs little beside what follows.
constexpr size_t most_first = 3;

bool changes_header(const PatchedFiles& changes) {
    return std::ranges::any_of(changes.files, [](const source::ChangedFile& file) {
        return file.kind == source::FileKind::header && !file.is_token_equal;
    });
}

// Types, macros and inline functions that the patch edits.
std::set<std::string> touched_names(const PatchedFiles& changes) {
    std::set<std::string> names;
    for (const auto& [path, change] : changes.applied.files) {
        names.merge(source::touched_types(change));
        names.merge(source::touched_macros(change));
    }
    return names;
}

// Beside a header that changes, or in a folder of its name: net/tls/ is of include/net/tls.h.
bool is_of_subsystem(const std::filesystem::path& unit, const PatchedFiles& changes) {
    return std::ranges::any_of(changes.files, [&](const source::ChangedFile& file) {
        const std::filesystem::path header = file.path, folder = unit.parent_path();
        return file.kind == source::FileKind::header &&
               (header.parent_path() == folder || std::ranges::find(folder, header.stem()) != folder.end());
    });
}

size_t mentions(std::string_view text, std::string_view word) {
    size_t count = 0;
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + word.size()))
        ++count;
    return count;
}

// The likeliest to show what the patch does, in little time: its own sources, then those that speak most of what it
// edits for their size, those of the header's own subsystem before others. Negative: the more, the earlier.
double rank(const kernel::UnitChange& change, const PatchedFiles& changes, const std::set<std::string>& names,
            const std::filesystem::path& source) {
    if (changes.applied.files.contains(change.patched.source))
        return -1e9;
    const std::filesystem::path file = source / change.patched.source;
    if (!std::filesystem::is_regular_file(file))
        return 0; // generated
    const std::string text = files::read_text(file);
    size_t count = 0;
    for (const std::string& name : names)
        count += mentions(text, name);
    // Includes cost as much as a text of this size.
    constexpr double includes = 20000;
    constexpr double nearness = 4;
    return -static_cast<double>(count) / (static_cast<double>(text.size()) + includes) *
           (is_of_subsystem(change.patched.source, changes) ? nearness : 1);
}

std::vector<const kernel::UnitChange*> likeliest(const kernel::Plan& plan, const PatchedFiles& changes,
                                                 const kernel::Target& target) {
    const std::set<std::string> names = touched_names(changes);
    std::vector<std::pair<double, const kernel::UnitChange*>> ranked;
    for (const kernel::UnitChange& change : plan.changes)
        if (!change.is_new())
            ranked.emplace_back(rank(change, changes, names, target.source), &change);
    const size_t count = std::min(most_first, ranked.size());
    std::ranges::partial_sort(ranked, ranked.begin() + static_cast<std::ptrdiff_t>(count), {},
                              [](const auto& entry) { return entry.first; });
    std::vector<const kernel::UnitChange*> first;
    for (const auto& [order, change] : ranked)
        if (first.size() < count)
            first.push_back(change);
    return first;
}

} // namespace

void look_ahead(const Options& options, const kernel::Target& target, const Units& units, const PatchedFiles& changes,
                kernel::PatchedTree& tree, const Images& images, const std::filesystem::path& folder, Review& review,
                report::Progress& progress) {
    if (!changes_header(changes))
        return;
    const kernel::Plan plan = likely_units(options, target, units, changes, tree, progress);
    if (!reaches_many(plan, changes))
        return;
    progress.line("    (--rewrite DIR --rewrite-callers FILE changes inline functions for some callers only)");
    for (const kernel::UnitChange* change : likeliest(plan, changes, target)) {
        progress.line(fmt::format("    {} units, of which {} first", plan.changes.size(), change->patched.source));
        const std::vector<kernel::ObjectPair> pairs =
            compile_batch(options, target, {*change}, changes, tree, folder / "first");
        sense_changes(options, pairs, images, reach_of(target, plan), review);
    }
    progress.line("    nothing there stands in the way");
}

} // namespace klp::build
