#include "report_file.h"

#include "report/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace klp::build {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

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

Json to_json(const diff::Item& item) {
    Json json = {{"name", item.name}, {"kind", item.kind}, {"change", to_string(item.change)}, {"size", item.size}};
    if (item.change == diff::Change::changed)
        json["sympos"] = item.sympos;
    if (!item.because.empty())
        json["because"] = item.because;
    auto add = [&](const char* key, const std::string& value) {
        if (!value.empty())
            json[key] = value;
    };
    add("cause", item.cause);
    add("original_instruction", item.original_instruction);
    add("patched_instruction", item.patched_instruction);
    add("place", item.place);
    return json;
}

std::vector<std::string> unproven_references(const diff::Diff& diff) {
    std::vector<std::string> names;
    for (const diff::KernelReference& reference : diff.references)
        if (!reference.resolution.is_proven)
            names.push_back(reference.name);
    return names;
}

Json to_json(const ProofSummary& proof, const diff::Diff& diff) {
    Json json = {{"functions", proof.functions}, {"proven", proof.proven}, {"overridden", proof.overridden}};
    json["unproven"] = proof.unproven;
    json["not_looked_for"] = proof.not_looked_for;
    json["data"] = proof.data;
    json["different_data"] = proof.different_data;
    json["references"] = diff.references.size();
    json["unproven_references"] = unproven_references(diff);
    return json;
}

Json to_json(const UnitDiff& unit) {
    Json items = Json::array();
    for (const diff::Item& item : unit.diff.items)
        items.push_back(to_json(item));
    Json harmless = Json::array();
    for (const diff::LeftOut& it : unit.diff.harmless)
        harmless.push_back({{"function", it.function}, {"what", it.what}});
    return {{"source", unit.unit.source},
            {"object", unit.unit.owner},
            {"changed", !unit.diff.nothing_changed},
            {"proof", to_json(unit.proof, unit.diff)},
            {"items", std::move(items)},
            {"harmless", std::move(harmless)},
            {"findings", report::to_json(unit.diff.findings)}};
}

Json to_json(const kernel::Target& target) {
    return {{"name", target.name},
            {"release", target.release},
            {"version", target.version},
            {"arch", target.arch},
            {"compiler", target.compiler.name + " " + target.compiler.version},
            {"runtime", target.runtime == elf::Runtime::core ? "core" : "kernel"}};
}

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

Json to_json(const Record& record) {
    Json json = {{"schema", schema_version}, {"tool", "klp-build " KLP_VERSION}, {"status", record.status}};
    json["patches"] = record.patches;
    if (record.target)
        json["target"] = to_json(*record.target);
    Json files = Json::array();
    for (const source::ChangedFile& file : record.files)
        files.push_back({{"path", file.path}, {"kind", source::to_string(file.kind)}});
    json["files"] = std::move(files);
    Json units = Json::array();
    for (const UnitDiff& unit : record.units)
        units.push_back(to_json(unit));
    json["units"] = std::move(units);
    if (!record.output.module.empty())
        json["module"] = {{"path", record.output.module.string()},
                          {"size", record.module_size},
                          {"replace", record.is_replacing},
                          {"livepatch_symbols", record.livepatch_symbols},
                          {"livepatch_relocations", record.livepatch_relocations}};
    if (!record.output.core.empty())
        json["core"] = {{"path", record.output.core.string()},
                        {"size", std::filesystem::file_size(record.output.core)}};
    json["findings"] = report::to_json(record.findings);
    Json stages = Json::array();
    for (const report::StageTime& stage : record.stages)
        stages.push_back({{"name", stage.name}, {"seconds", stage.seconds}});
    json["stages"] = std::move(stages);
    return json;
}

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
                        record.module_size, record.livepatch_relocations,
                        record.is_replacing ? "replaces other patches" : "stacks");
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
