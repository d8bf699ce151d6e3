#include "report_facts.h"

#include "elf/build_id.h"
#include "kernel/toolchain.h"
#include "report/facts_json.h"
#include "report/json_text.h"
#include "report/page.h"
#include "source/text_diff.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::build {

namespace {

// The text of a changed file in parts, and which file that is.
struct FileHunks {
    std::string path;
    std::vector<source::TextHunk> hunks;
};

std::string text_before(const std::map<std::string, source::FileChange>& texts, const source::FileChange& change) {
    if (change.before)
        return *change.before;
    auto origin = texts.find(change.origin);
    return origin == texts.end() ? std::string() : origin->second.before.value_or("");
}

std::vector<FileHunks> hunks_of(const std::map<std::string, source::FileChange>& texts) {
    std::vector<FileHunks> files;
    for (const auto& [path, change] : texts)
        files.push_back({path, source::text_hunks(path, text_before(texts, change), change.after.value_or(""))});
    return files;
}

std::vector<report::DiffBlock> blocks_of(const FileHunks& file) {
    std::vector<report::DiffBlock> blocks;
    for (const source::TextHunk& hunk : file.hunks)
        blocks.push_back(hunk.block);
    return blocks;
}

// Added lines are within a function if they stand before one of its lines but the first.
bool is_within(size_t begin, size_t end, const diff::SourceLines& lines) {
    return begin == end ? begin > lines.first && begin <= lines.last : begin <= lines.last && end > lines.first;
}

bool is_of_file(const diff::SourceLines& lines, const std::filesystem::path& path) {
    return std::filesystem::path(lines.file).filename() == path.filename();
}

bool is_in_code(const source::TextHunk& hunk, const std::string& path, const diff::Review& review) {
    return std::ranges::any_of(hunk.changes, [&](const source::ChangedLines& change) {
        return std::ranges::any_of(review.original_lines,
                                   [&](const diff::SourceLines& lines) {
                                       return is_of_file(lines, path) &&
                                              is_within(change.old_begin, change.old_end, lines);
                                   }) ||
               std::ranges::any_of(review.new_lines, [&](const diff::SourceLines& lines) {
                   return is_of_file(lines, path) && is_within(change.new_begin, change.new_end, lines);
               });
    });
}

std::vector<report::DiffBlock> source_of(const diff::Review& review, const std::vector<FileHunks>& files) {
    std::vector<report::DiffBlock> blocks;
    for (const FileHunks& file : files)
        for (const source::TextHunk& hunk : file.hunks)
            if (is_in_code(hunk, file.path, review))
                blocks.push_back(hunk.block);
    return blocks;
}

const char* name_of(elf::CallbackKind kind) {
    switch (kind) {
    case elf::CallbackKind::pre_patch:
        return "pre-patch";
    case elf::CallbackKind::post_patch:
        return "post-patch";
    case elf::CallbackKind::pre_unpatch:
        return "pre-unpatch";
    case elf::CallbackKind::post_unpatch:
        break;
    }
    return "post-unpatch";
}

// What a new function is there for, if it is the author's callback.
std::string callback_cause(const UnitDiff& unit, const diff::Item& item) {
    for (const diff::RegisteredCallback& callback : unit.diff.callbacks)
        if (callback.function == item.name)
            return fmt::format("{} callback of {}", name_of(callback.kind), callback.object);
    return {};
}

report::Piece piece_of(const diff::Item& item, const std::vector<FileHunks>& files) {
    report::Piece piece;
    piece.name = item.name;
    piece.kind = item.kind;
    piece.change = to_string(item.change);
    piece.size = item.size;
    if (item.change == diff::Change::changed)
        piece.sympos = item.sympos;
    piece.because = item.because;
    piece.cause = item.cause;
    piece.original_instruction = item.original_instruction;
    piece.patched_instruction = item.patched_instruction;
    piece.place = item.place;
    piece.users = item.review.users;
    piece.is_global = item.review.is_global;
    piece.source = source_of(item.review, files);
    piece.code = item.review.code;
    return piece;
}

report::Proof proof_of(const UnitDiff& unit) {
    return {unit.proof.functions,      unit.proof.proven,           unit.proof.overridden,
            unit.proof.unproven,       unit.proof.not_looked_for,   unit.proof.data,
            unit.proof.different_data, unit.diff.references.size(), unproven_references(unit.diff)};
}

report::UnitFacts unit_of(const UnitDiff& unit, const std::vector<FileHunks>& files) {
    report::UnitFacts facts{unit.unit.source,  unit.unit.owner, !unit.diff.nothing_changed, proof_of(unit), {}, {},
                            unit.diff.findings};
    for (const diff::Item& item : unit.diff.items) {
        facts.pieces.push_back(piece_of(item, files));
        if (item.cause.empty())
            facts.pieces.back().cause = callback_cause(unit, item);
    }
    for (const diff::LeftOut& it : unit.diff.harmless)
        facts.harmless.push_back({it.function, it.what});
    return facts;
}

report::Kernel kernel_of(const kernel::Target& target) {
    return {target.name,
            target.release,
            target.version,
            target.arch,
            target.compiler.name + " " + target.compiler.version,
            target.runtime == elf::Runtime::core ? "core" : "kernel",
            elf::build_id_of(target.vmlinux),
            kernel::packages_beside(target.compiler)};
}

std::vector<report::File> files_of(const Record& record, const std::vector<FileHunks>& hunks) {
    std::vector<report::File> files;
    for (const source::ChangedFile& file : record.files) {
        auto found = std::ranges::find(hunks, file.path, &FileHunks::path);
        files.push_back({file.path, source::to_string(file.kind),
                         found == hunks.end() ? std::vector<report::DiffBlock>() : blocks_of(*found)});
    }
    return files;
}

} // namespace

report::Facts facts_of(const Record& record) {
    const std::vector<FileHunks> hunks = hunks_of(record.review.texts());
    report::Facts facts;
    facts.tool = "klp-build " KLP_VERSION;
    facts.status = record.status;
    facts.patches = record.patches;
    facts.inputs = record.inputs;
    if (record.target)
        facts.kernel = kernel_of(*record.target);
    facts.files = files_of(record, hunks);
    for (const UnitDiff& unit : record.units)
        facts.units.push_back(unit_of(unit, hunks));
    facts.layouts = record.review.layouts();
    if (!record.output.module.empty())
        facts.module = {record.output.module.string(), record.output.module_size, record.output.module_sha256,
                        record.output.unsigned_sha256, record.is_replacing,       record.livepatch_relocations,
                        record.review.symbols(),       record.review.sections(),  record.output.signature};
    if (!record.output.core.empty())
        facts.core = {record.output.core.string(), record.output.core_size};
    facts.test = record.test;
    facts.findings = record.findings;
    facts.stages = record.stages;
    return facts;
}

namespace {

void forget_times(report::TestRun& run) {
    run.transcript.clear();
    for (report::TestStep& step : run.steps)
        step.seconds = 0;
}

} // namespace

report::Facts without_circumstances(report::Facts facts, const std::filesystem::path& cache_root) {
    const auto forget_folder = [](std::string& path) { path = std::filesystem::path(path).filename().string(); };
    const std::string cache = cache_root.string();
    const auto forget_cache = [&](std::string& text) {
        for (size_t at; !cache.empty() && (at = text.find(cache)) != std::string::npos;)
            text.replace(at, cache.size(), "$KLP_CACHE");
    };
    std::ranges::for_each(facts.patches, forget_folder);
    for (report::Input& input : facts.inputs)
        forget_folder(input.path);
    if (facts.module)
        forget_folder(facts.module->path);
    if (facts.core)
        forget_folder(facts.core->path);
    const auto forget_in = [&](std::vector<report::Finding>& findings) {
        for (report::Finding& finding : findings)
            for (std::string* text : {&finding.where, &finding.message, &finding.hint})
                forget_cache(*text);
    };
    forget_in(facts.findings);
    for (report::UnitFacts& unit : facts.units)
        forget_in(unit.findings);
    facts.stages.clear();
    if (facts.test)
        for (report::TestRun& run : facts.test->runs)
            forget_times(run);
    return facts;
}

std::string report_text(const report::Facts& facts, const std::filesystem::path& file) {
    if (file.extension() == ".html")
        return report::to_page(facts);
    return report::json_text(report::to_json(facts));
}

} // namespace klp::build
