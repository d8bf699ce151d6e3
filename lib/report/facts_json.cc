#include "report/facts_json.h"

#include "report/json.h"

namespace klp::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr int schema_version = 2;

void add(Json& json, const char* key, const std::string& value) {
    if (!value.empty())
        json[key] = value;
}

// A list of what `convert` makes of each value.
template <typename Value, typename Convert>
Json list(const std::vector<Value>& values, const Convert& convert) {
    Json json = Json::array();
    for (const Value& value : values)
        json.push_back(convert(value));
    return json;
}

Json from_block(const DiffBlock& block) {
    std::vector<std::string> lines;
    for (const DiffLine& line : block.lines)
        lines.push_back(std::string(1, line.sign) + line.text);
    return {{"heading", block.heading}, {"lines", std::move(lines)}};
}

void add(Json& json, const char* key, const std::vector<DiffBlock>& blocks) {
    if (!blocks.empty())
        json[key] = list(blocks, from_block);
}

Json from_kernel(const Kernel& kernel) {
    Json json = {{"name", kernel.name}, {"release", kernel.release},   {"version", kernel.version},
                 {"arch", kernel.arch}, {"compiler", kernel.compiler}, {"runtime", kernel.runtime}};
    add(json, "build_id", kernel.build_id);
    if (!kernel.packages.empty())
        json["toolchain"] = kernel.packages;
    return json;
}

Json from_input(const Input& input) {
    Json json = {{"role", input.role}, {"path", input.path}};
    if (!input.sha256.empty())
        json["size"] = input.size;
    add(json, "sha256", input.sha256);
    return json;
}

Json from_file(const File& file) {
    Json json = {{"path", file.path}, {"kind", file.kind}};
    add(json, "diff", file.diff);
    return json;
}

Json from_piece(const Piece& piece) {
    Json json = {{"name", piece.name}, {"kind", piece.kind}, {"change", piece.change}, {"size", piece.size}};
    if (piece.sympos)
        json["sympos"] = *piece.sympos;
    if (!piece.because.empty())
        json["because"] = piece.because;
    add(json, "cause", piece.cause);
    add(json, "original_instruction", piece.original_instruction);
    add(json, "patched_instruction", piece.patched_instruction);
    add(json, "place", piece.place);
    if (!piece.users.empty())
        json["users"] = piece.users;
    if (piece.is_global)
        json["global"] = true;
    add(json, "source", piece.source);
    add(json, "code", piece.code);
    return json;
}

Json from_proof(const Proof& proof) {
    return {{"functions", proof.functions},
            {"proven", proof.proven},
            {"overridden", proof.overridden},
            {"unproven", proof.unproven},
            {"not_looked_for", proof.not_looked_for},
            {"data", proof.data},
            {"different_data", proof.different_data},
            {"references", proof.references},
            {"unproven_references", proof.unproven_references}};
}

Json from_unit(const UnitFacts& unit) {
    return {{"source", unit.source},
            {"object", unit.object},
            {"changed", unit.is_changed},
            {"proof", from_proof(unit.proof)},
            {"items", list(unit.pieces, from_piece)},
            {"harmless",
             list(unit.harmless,
                  [](const HarmlessDifference& it) { return Json{{"function", it.function}, {"what", it.what}}; })},
            {"findings", to_json(unit.findings)}};
}

const char* meaning_of(char sign) {
    switch (sign) {
    case '-':
        return "removed";
    case '+':
        return "added";
    case '>':
        return "moved";
    case '!':
        return "changed";
    default:
        return "same";
    }
}

Json from_row(const LayoutRow& row) {
    auto cell = [](const LayoutCell& it) { return Json{{"place", it.place}, {"member", it.member}}; };
    Json json = {{"change", meaning_of(row.sign)}};
    if (!row.before.member.empty())
        json["before"] = cell(row.before);
    if (!row.after.member.empty())
        json["after"] = cell(row.after);
    return json;
}

Json from_layout(const LayoutTable& layout) {
    return {{"name", layout.name},
            {"where", layout.where},
            {"size_before", layout.size_before},
            {"size_after", layout.size_after},
            {"members", list(layout.rows, from_row)}};
}

Json from_symbol(const KernelSymbol& symbol) {
    Json json = {{"name", symbol.name},       {"object", symbol.object},           {"sympos", symbol.sympos},
                 {"used_by", symbol.used_by}, {"relocations", symbol.relocations}, {"sections", symbol.sections}};
    add(json, "address", symbol.address);
    return json;
}

Json from_signature(const Signature& signature) {
    Json json = {{"signer", signature.signer}};
    add(json, "key_id", signature.key_id);
    add(json, "serial", signature.serial);
    json["key"] = signature.key;
    json["hash"] = signature.hash;
    return json;
}

Json from_module(const ModuleFacts& module) {
    Json json = {{"path", module.path},
                 {"size", module.size},
                 {"sha256", module.sha256},
                 {"unsigned_sha256", module.unsigned_sha256},
                 {"replace", module.is_replacing},
                 {"livepatch_symbols", module.symbols.size()},
                 {"livepatch_relocations", module.livepatch_relocations},
                 {"symbols", list(module.symbols, from_symbol)},
                 {"sections", list(module.sections, [](const SectionSize& section) {
                      return Json{{"name", section.name}, {"size", section.size}};
                  })}};
    if (module.signature)
        json["signature"] = from_signature(*module.signature);
    return json;
}

Json from_step(const TestStep& step) {
    Json json = {{"name", step.name}, {"passed", step.passed}, {"seconds", step.seconds}};
    add(json, "text", step.text);
    if (step.status)
        json["status"] = *step.status;
    return json;
}

Json from_test(const BootTest& test) {
    Json json = {{"passed", test.passed}};
    add(json, "accelerator", test.accelerator);
    add(json, "script", test.script);
    json["functions"] = list(test.functions, [](const TestedFunction& it) {
        Json function = {{"object", it.object}, {"name", it.name}, {"called", it.called}};
        if (it.calls)
            function["calls"] = *it.calls;
        return function;
    });
    json["runs"] = list(test.runs, [](const TestRun& it) {
        return Json{{"name", it.name}, {"steps", list(it.steps, from_step)}, {"transcript", it.transcript}};
    });
    return json;
}

} // namespace

Json to_json(const Facts& facts) {
    Json json = {{"schema", schema_version}, {"tool", facts.tool}, {"status", facts.status}};
    json["patches"] = facts.patches;
    if (facts.kernel)
        json["target"] = from_kernel(*facts.kernel);
    json["inputs"] = list(facts.inputs, from_input);
    json["files"] = list(facts.files, from_file);
    json["units"] = list(facts.units, from_unit);
    json["layouts"] = list(facts.layouts, from_layout);
    if (facts.module)
        json["module"] = from_module(*facts.module);
    if (facts.core)
        json["core"] = {{"path", facts.core->path}, {"size", facts.core->size}};
    if (facts.test)
        json["test"] = from_test(*facts.test);
    json["findings"] = to_json(facts.findings);
    json["stages"] = list(
        facts.stages, [](const StageTime& stage) { return Json{{"name", stage.name}, {"seconds", stage.seconds}}; });
    return json;
}

} // namespace klp::report
