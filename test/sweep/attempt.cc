#include "attempt.h"

#include "files/files.h"
#include "host/parallel.h"
#include "kernel/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace klp::sweep {

namespace {

using build::ProvenPair;
using build::UnitDiff;

void note(Trial& trial, const char* stage, const report::Refusal& refusal) {
    for (const report::Finding& finding : refusal.findings())
        trial.faults.push_back({stage, finding.code, finding.function, finding.message});
}

build::Options options_with(const Sweep& sweep, const std::vector<Trial*>& trials,
                            const std::filesystem::path& folder) {
    std::string text;
    for (const Trial* trial : trials)
        text += trial->patch;
    const std::filesystem::path path = folder / "sweep.patch";
    files::write_synced(path, std::as_bytes(std::span(text)));
    build::Options options = sweep.options;
    options.patches = {path};
    options.explain = true;
    options.name = "sweep";
    return options;
}

// The objects of those units that compile; of the others it is noted why they do not.
std::map<std::string, kernel::ObjectPair> compile(const Sweep& sweep, std::vector<Trial*>& trials,
                                                  const kernel::PatchedTree& tree,
                                                  const std::filesystem::path& folder) {
    for (unsigned round = 0; !trials.empty(); ++round) {
        std::vector<kernel::UnitChange> units;
        for (const Trial* trial : trials)
            units.push_back({trial->unit, kernel::in_patched_tree(trial->unit, sweep.target, tree.root())});
        try {
            std::map<std::string, kernel::ObjectPair> pairs;
            for (kernel::ObjectPair& pair : kernel::compile_pairs(
                     sweep.target, units, tree.root(), folder / fmt::format("pairs-{}", round), sweep.options.jobs))
                pairs.emplace(pair.unit.object, std::move(pair));
            return pairs;
        } catch (const report::Refusal& refusal) {
            const size_t before = trials.size();
            std::erase_if(trials, [&](Trial* trial) {
                auto mine = [&](const report::Finding& it) { return it.where == trial->unit.source; };
                if (std::ranges::none_of(refusal.findings(), mine))
                    return false;
                note(*trial, "compile", report::Refusal(*std::ranges::find_if(refusal.findings(), mine)));
                return true;
            });
            if (trials.size() == before)
                throw;
        }
    }
    return {};
}

bool is_of(std::string_view name, std::string_view function) {
    return name == function || name.starts_with(std::string(function) + ".");
}

// "+0x1f: movq $0x0, %rdi -> _rs.85" without place and numbers that only count.
std::string meaning_of(std::string_view instruction) {
    std::string text(instruction.substr(std::min(instruction.find(": "), instruction.size())));
    for (size_t at = 0; (at = text.find('.', at)) != std::string::npos;)
        while (++at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])))
            text.erase(at--, 1);
    return text;
}

// The compiler made other code of it: the statement's function was inlined there, or the register that it leaves alone
// is another one.
bool is_of_compiler(const diff::Item& item) {
    return item.cause.starts_with("callee ") ||
           meaning_of(item.original_instruction) != meaning_of(item.patched_instruction);
}

void look_for_drift(Trial& trial, const diff::Diff& diff) {
    for (const diff::Item& item : diff.items)
        if (item.change == diff::Change::changed && !is_of(item.name, trial.function) && !is_of_compiler(item))
            trial.faults.push_back(
                {"statement", "drift", item.name,
                 fmt::format("{}: {} | {}", item.cause, item.original_instruction, item.patched_instruction)});
}

std::optional<UnitDiff> compare(const Sweep& sweep, const build::Options& options, const build::PatchedFiles& changes,
                                const kernel::ObjectPair& objects, Trial& trial, const std::filesystem::path& folder) {
    const char* stage = "origin";
    try {
        kernel::ObjectPair same = objects;
        same.patched = same.original;
        std::vector<ProvenPair> pairs = build::prove_origins(options, sweep.target, {same}, sweep.images);
        stage = "same";
        const UnitDiff none =
            build::diff_pairs(options, sweep.target, changes, pairs, sweep.images, folder / "same").front();
        if (!none.diff.nothing_changed)
            trial.faults.push_back({stage, "drift", none.diff.items.empty() ? "" : none.diff.items.front().name,
                                    "an object differs from itself"});
        stage = "statement";
        pairs.front().patched = elf::Object::open(objects.patched, trial.unit.source);
        UnitDiff diff =
            build::diff_pairs(options, sweep.target, changes, pairs, sweep.images, folder / "statement").front();
        trial.is_without_effect = diff.diff.nothing_changed;
        trial.harmless = diff.diff.harmless.size();
        look_for_drift(trial, diff.diff);
        return diff;
    } catch (const report::Refusal& refusal) {
        note(trial, stage, refusal);
        return std::nullopt;
    }
}

// What is refused of many is looked for in their halves.
class ModuleCheck {
public:
    ModuleCheck(const Sweep& sweep, const build::Options& options, const build::PatchedFiles& changes,
                const std::filesystem::path& folder)
        : sweep_(sweep), options_(options), changes_(changes), folder_(folder) {}

    void check(const std::vector<std::pair<Trial*, UnitDiff>>& units) {
        if (units.empty())
            return;
        try {
            make(units);
        } catch (const report::Refusal& refusal) {
            if (units.size() == 1)
                return note(*units.front().first, "module", refusal);
            const auto middle = units.begin() + static_cast<std::ptrdiff_t>(units.size() / 2);
            check({units.begin(), middle});
            check({middle, units.end()});
        }
    }

private:
    void make(const std::vector<std::pair<Trial*, UnitDiff>>& units) {
        std::vector<UnitDiff> diffs;
        for (const auto& [trial, diff] : units)
            diffs.push_back(diff);
        const std::filesystem::path own = folder_ / fmt::format("module-{}", count_++);
        std::filesystem::create_directories(own);
        const build::Module module =
            build::link_module(options_, sweep_.target, sweep_.core, changes_, diffs, sweep_.images, own);
        build::verify_livepatch(options_, sweep_.images, build::make_livepatch(module, sweep_.images));
    }

    const Sweep& sweep_;
    const build::Options& options_;
    const build::PatchedFiles& changes_;
    std::filesystem::path folder_;
    unsigned count_ = 0;
};

} // namespace

void try_all(const Sweep& sweep, std::vector<Trial>& trials, const std::filesystem::path& folder) {
    std::vector<Trial*> open;
    for (Trial& trial : trials)
        open.push_back(&trial);
    const build::Options options = options_with(sweep, open, folder);
    const build::PatchedFiles changes = build::read_patches(options, sweep.target);
    const kernel::PatchedTree tree =
        build::write_patched_tree(sweep.target, kernel::units_of(sweep.target), changes, sweep.core);
    const std::map<std::string, kernel::ObjectPair> objects = compile(sweep, open, tree, folder);
    std::vector<std::optional<UnitDiff>> diffs(open.size());
    host::parallel_for(open.size(), sweep.options.jobs, [&](size_t at) {
        build::Options alone = options;
        alone.jobs = 1;
        diffs[at] = compare(sweep, alone, changes, objects.at(open[at]->unit.object), *open[at],
                            folder / fmt::format("unit-{}", at));
    });
    std::vector<std::pair<Trial*, UnitDiff>> good;
    for (size_t at = 0; at < open.size(); ++at)
        if (diffs[at] && !diffs[at]->diff.nothing_changed)
            good.emplace_back(open[at], std::move(*diffs[at]));
    ModuleCheck(sweep, options, changes, folder).check(good);
}

} // namespace klp::sweep
