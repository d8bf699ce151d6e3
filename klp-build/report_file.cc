#include "report_file.h"

#include "boot_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace klp::build {

void note_inputs(const Options& options, Record& record) {
    if (!record.patches.empty())
        return;
    for (const std::filesystem::path& patch : options.patches)
        record.patches.push_back(patch.string());
    record.is_replacing = !options.stack;
    if (!options.report.empty() || options.package || !options.reproduce.empty())
        record.inputs = list_inputs(options, record.target, record.review.owners());
}

std::filesystem::path cache_of(const kernel::Target& target) {
    return target.entry.parent_path().parent_path(); // KIND/NAME
}

const char* to_string(diff::Change change) {
    switch (change) {
    case diff::Change::changed:
        return "changed";
    case diff::Change::added:
        return "new";
    case diff::Change::included:
        break;
    }
    return "included";
}

std::vector<std::string> unproven_references(const diff::Diff& diff) {
    std::vector<std::string> names;
    for (const diff::KernelReference& reference : diff.references)
        if (!reference.resolution.is_proven)
            names.push_back(reference.name);
    return names;
}

namespace {

// What the image vouches for, in the lines of the summary.
std::string proof_summary(const std::vector<UnitDiff>& units) {
    size_t functions = 0, proven = 0, references = 0;
    std::map<std::string, size_t> not_looked_for;
    std::vector<std::string> by_name, different;
    for (const UnitDiff& unit : units) {
        functions += unit.proof.functions - unit.proof.overridden;
        proven += unit.proof.proven;
        references += unit.diff.references.size();
        for (const auto& [section, count] : unit.proof.not_looked_for)
            not_looked_for[section] += count;
        std::ranges::copy(unproven_references(unit.diff), std::back_inserter(by_name));
        std::ranges::copy(unit.proof.different_data, std::back_inserter(different));
    }
    std::vector<std::string> skipped;
    for (const auto& [section, count] : not_looked_for)
        skipped.push_back(fmt::format("{} in {}", count, section));
    std::string text = fmt::format("  proof of origin: {} of {} functions of {} unit{} found in the kernel image",
                                   proven, functions, units.size(), units.size() == 1 ? "" : "s");
    text += skipped.empty() ? "\n" : fmt::format(" (not looked for: {})\n", fmt::join(skipped, ", "));
    if (!different.empty())
        text += fmt::format("  read-only data that differs from the image's: {}\n", fmt::join(different, ", "));
    if (!by_name.empty())
        text += fmt::format("  {} of {} references to the kernel found by name alone: {}\n", by_name.size(), references,
                            fmt::join(by_name, ", "));
    return text;
}

struct ObjectCounts {
    std::vector<std::string> changed;
    size_t added = 0;
};

} // namespace

std::string summary(const Record& record) {
    std::map<std::string, ObjectCounts> objects;
    size_t harmless = 0;
    for (const UnitDiff& unit : record.units) {
        harmless += unit.diff.harmless.size();
        for (const diff::Item& item : unit.diff.items) {
            ObjectCounts& counts = objects[unit.unit.owner];
            if (item.change == diff::Change::changed && item.kind == "function")
                counts.changed.push_back(item.name);
            counts.added += item.change == diff::Change::added;
        }
    }
    std::string text;
    for (const auto& [object, counts] : objects) {
        text += fmt::format("  {}: changed {}", object, fmt::join(counts.changed, ", "));
        text += counts.added ? fmt::format("; {} new\n", counts.added) : "\n";
    }
    text += proof_summary(record.units);
    if (harmless != 0)
        text += fmt::format("  {} difference{} left out as harmless (the report names them)\n", harmless,
                            harmless == 1 ? "" : "s");
    text += fmt::format("  {} ({} bytes, {} livepatch relocations, {})\n", record.output.module.string(),
                        record.output.module_size, record.livepatch_relocations,
                        record.is_replacing ? "replaces other patches" : "stacks");
    if (const std::optional<report::Signature>& signature = record.output.signature)
        text += fmt::format("  signed by {} ({}, {})\n", signature->signer, signature->key, signature->hash);
    if (record.test)
        text += fmt::format("  test: {}\n", outcome_of(*record.test));
    if (!record.output.package.empty())
        text += fmt::format("  {}\n", record.output.package.string());
    if (!record.output.core.empty())
        text += fmt::format("  {} (the livepatch core that this kernel lacks: load it first)\n",
                            record.output.core.string());
    return text;
}

std::string explanation(const Record& record) {
    std::string text;
    for (const UnitDiff& unit : record.units) {
        for (const diff::Item& item : unit.diff.items) {
            text += fmt::format("  {}: {} {} {}", unit.unit.source, to_string(item.change), item.kind, item.name);
            if (!item.cause.empty())
                text += fmt::format(": {}", item.cause);
            if (!item.place.empty())
                text += fmt::format(" ({})", item.place);
            text += '\n';
            if (!item.original_instruction.empty())
                text += fmt::format("      - {}\n", item.original_instruction);
            if (!item.patched_instruction.empty())
                text += fmt::format("      + {}\n", item.patched_instruction);
            if (!item.because.empty())
                text += fmt::format("      because of {}\n", fmt::join(item.because, " <- "));
        }
    }
    return text;
}

} // namespace klp::build
