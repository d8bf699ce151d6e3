// Original and patched version of each unit, by kbuild's own commands.
#include "pipeline.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace klp::build {

namespace {

// So many units are compiled before what they show is looked at: enough to keep every processor busy.
constexpr size_t batch_size = 32;

// "fs/eventfd.c" of "fs/eventfd.c:12:3: warning: ...".
std::string_view warned_file(std::string_view line) {
    return line.substr(0, line.find(':'));
}

} // namespace

std::vector<report::Finding> compiler_warnings(const std::vector<kernel::ObjectPair>& pairs,
                                               const PatchedFiles& changes) {
    std::vector<report::Finding> findings;
    const auto other = std::ranges::find_if(pairs, [](const auto& pair) { return !pair.other_compiler.empty(); });
    if (other != pairs.end())
        findings.push_back({"compile.launcher", report::Severity::warning, other->unit.source, "",
                            fmt::format("--launcher had it compiled by another compiler ({}); the kernel's own was "
                                        "called here instead, as for all units that came so",
                                        other->other_compiler),
                            "let it reach machines that have the kernel's compiler only"});
    for (const kernel::ObjectPair& pair : pairs) {
        std::string first;
        size_t count = 0;
        std::istringstream lines(pair.warnings);
        for (std::string line; std::getline(lines, line);) {
            // Of other files the kernel's own build says the same.
            if (!changes.applied.files.contains(std::string(warned_file(line))))
                continue;
            first = count++ == 0 ? line : first;
        }
        if (count > 0)
            findings.push_back({"compile.warning", report::Severity::warning, pair.unit.source, "",
                                fmt::format("the compiler warns of the patched version{}: {}",
                                            count > 1 ? fmt::format(", {} times", count) : "", first),
                                "a patch to a kernel compiles without warnings"});
    }
    return findings;
}

std::vector<kernel::ObjectPair> compile_batch(const Options& options, const kernel::Target& target,
                                              const std::vector<kernel::UnitChange>& units, const PatchedFiles& changes,
                                              kernel::PatchedTree& tree, const std::filesystem::path& folder) {
    try {
        return kernel::compile_pairs(target, units, tree.root(), folder / "pairs", options.jobs);
    } catch (const report::Refusal&) {
        restore_own_lines(changes, tree);
        return kernel::compile_pairs(target, units, tree.root(), folder / "pairs-own-lines", options.jobs);
    }
}

std::vector<kernel::ObjectPair> compile_units(const Options& options, const kernel::Target& target,
                                              const kernel::Plan& plan, const PatchedFiles& changes,
                                              kernel::PatchedTree& tree, const Images& images,
                                              const std::filesystem::path& folder, Review& review,
                                              report::Progress& progress) {
    const std::vector<kernel::UnitChange>& units = plan.changes;
    if (units.size() <= batch_size)
        return compile_batch(options, target, units, changes, tree, folder);
    const Reach reach = reach_of(target, plan);
    std::vector<kernel::ObjectPair> pairs;
    for (size_t at = 0; at < units.size(); at += batch_size) {
        const auto begin = units.begin() + static_cast<std::ptrdiff_t>(at);
        const auto end = begin + static_cast<std::ptrdiff_t>(std::min(batch_size, units.size() - at));
        const std::vector<kernel::ObjectPair> batch =
            compile_batch(options, target, {begin, end}, changes, tree, folder / fmt::format("batch-{}", at));
        sense_changes(options, batch, images, reach, review);
        pairs.insert(pairs.end(), batch.begin(), batch.end());
        progress.part(pairs.size(), units.size());
    }
    return pairs;
}

} // namespace klp::build
