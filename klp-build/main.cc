// klp-build: from source patches to a live patch module. This file is the table of contents.
#include "boot_test.h"
#include "cache_report.h"
#include "changed_texts.h"
#include "fleet.h"
#include "kept_functions.h"
#include "kernel_list.h"
#include "options.h"
#include "outputs.h"
#include "package_module.h"
#include "pipeline.h"
#include "print_target.h"
#include "report_facts.h"
#include "reproduce.h"
#include "resources.h"
#include "rewrite_patch.h"
#include "same_code.h"
#include "sign_modules.h"

#include "host/process.h"
#include "kernel/rust_readers.h"
#include "report/command.h"
#include "report/interruption.h"
#include "source/object_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace {

using namespace klp;
using namespace klp::build;

// What was a warning to one stage may be an error to the next: it is said once.
void add(std::vector<report::Finding>& all, const std::vector<report::Finding>& more) {
    for (const report::Finding& finding : more) {
        std::erase_if(all, [&](const report::Finding& earlier) {
            return earlier.code == finding.code && earlier.where == finding.where &&
                   earlier.function == finding.function && earlier.message == finding.message;
        });
        all.push_back(finding);
    }
}

std::string count(size_t number, const char* noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

// --keep-tmp: the run's temporary folder goes when the run ends, however it ends, so a copy is taken just before.
class KeptCopy {
public:
    KeptCopy(const Options& options, const std::filesystem::path& folder)
        : wanted_(options.keep_temporary), folder_(folder), copy_(temporary_copy_path(options)) {}
    KeptCopy(const KeptCopy&) = delete;
    KeptCopy& operator=(const KeptCopy&) = delete;
    ~KeptCopy() {
        std::error_code error;
        if (!wanted_)
            return;
        std::filesystem::copy(folder_, copy_,
                              std::filesystem::copy_options::recursive |
                                  std::filesystem::copy_options::overwrite_existing |
                                  std::filesystem::copy_options::copy_symlinks,
                              error);
        fmt::print(stderr, "klp-build: temporary files {} {}\n", error ? "could not be kept in" : "kept in",
                   copy_.string());
    }

private:
    bool wanted_;
    std::filesystem::path folder_;
    std::filesystem::path copy_;
};

void run(const Options& options, Record& record, report::Progress& progress, files::Together& outputs) {
    const host::Cache cache = host::Cache::open(options.sharing);
    // What compilers and other programs keep for a moment goes with the run.
    host::TemporaryFolder folder = cache.temporary();
    setenv("TMPDIR", folder.path().c_str(), 1);

    // What kernel is this? Everything below asks the Target.
    progress.begin("target", "find the kernel");
    kernel::Target target = find_target(options, cache, progress);
    record.target = target;
    record.findings = target.findings;
    if (!options.patches.empty())
        check_module_name(options, target);
    check_signing_for(options, target);
    check_bootable(options, target);
    progress.end(target.release);

    // A kernel without a livepatch core gets ours, built for it once.
    std::optional<kernel::RuntimeCore> core;
    if (target.runtime == elf::Runtime::core) {
        progress.begin("core", "build the livepatch core that the kernel lacks");
        core = kernel::build_core(target, core_folder(), cache);
        progress.end();
    }
    if (options.prepare)
        prepare_for_runs(options, target, core, folder.path() / "link", progress);
    if (options.print_target)
        fmt::print("{}", describe_target(target, core));
    if (options.prepare || options.print_target)
        return;

    // What does the patch change? Only its text so far; nothing of the user's tree is written.
    progress.begin("patch", "apply the patch");
    PatchedFiles changes = read_patches(options, target);
    record.files = changes.files;
    record.review.see_patch(changes);
    add(record.findings, changes.applied.findings);
    progress.end(count(changes.files.size(), "file"));

    // A few units tell of a wide header what it does to types, before all are found out about.
    progress.begin("plan", "find the affected units");
    KeptCopy kept(options, folder.path());
    const Images images(target, core);
    const Units units = kernel::units_of(target);
    kernel::PatchedTree tree = write_patched_tree(target, units, changes, core);
    if (options.rewrite.empty())
        look_ahead(options, target, units, changes, tree, images, folder.path(), record.review, progress);

    // Which units see the change, and whose are they?
    kernel::Plan plan = plan_units(options, target, units, changes, tree, progress);
    progress.end(count(plan.changes.size(), "unit"));

    // A source patch that can be live is made before anything is compiled, and instead of it.
    if (!options.rewrite.empty()) {
        progress.begin("rewrite", "rewrite the patch");
        host::TemporaryFolder texts = cache.temporary();
        hand_out_rewritten(rewrite_patch(options, target, changes, plan, Images(target, core), tree, texts.path()));
        progress.end();
        return;
    }

    // Rust code has what headers said when it was compiled.
    kernel::refuse_rust_readers(target, units, changes.applied.files, tree.root());

    // Most units that read a changed header use nothing of what changed in it.
    plan = keep_users(options, target, changes, tree, std::move(plan), progress);
    add(record.findings, plan.findings);
    record.review.see_plan(plan);

    // Original and patched version of each, by kbuild's own commands.
    progress.begin("compile", "compile the original and the patched version");
    add(record.findings, sense_constants(changes, plan, tree));
    std::vector<kernel::ObjectPair> pairs =
        compile_units(options, target, plan, changes, tree, images, folder.path(), record.review, progress);
    add(record.findings, compiler_warnings(pairs, changes));
    const auto reused = std::ranges::count_if(pairs, &kernel::ObjectPair::original_was_kept);
    progress.end(reused > 0 ? count(static_cast<size_t>(reused), "original") + " from the cache" : "");

    // Is the original what the kernel runs? The image says, and with it what the unit's symbols are.
    progress.begin("origin", "prove the origin");
    std::vector<ProvenPair> proven = prove_origins(options, target, pairs, images);
    progress.end();

    // Do the patched types and functions fit the objects and callers that are there already?
    progress.begin("sense", "compare types and interfaces");
    const ChangedTexts texts = changed_texts(changes);
    const source::ObjectTexts words = source::object_texts(texts.before, texts.after);
    add(record.findings,
        without_kept_functions(texts, sense_changes(options, pairs, images, reach_of(target, plan), record.review)));
    SameCode same(texts, pairs);
    add(record.findings, sense_side_by_side(changes, texts, same));
    add(record.findings, sense_moves(texts, words, record.findings, same));
    add(record.findings, sense_objects(texts, words, pairs, same));
    add(record.findings, sense_outside(texts, words, record.findings, same));
    progress.end();

    // What is different in the patched one?
    progress.begin("diff", "compare");
    record.units = diff_pairs(options, target, changes, proven, images, folder.path());
    for (const UnitDiff& unit : record.units)
        add(record.findings, without_kept_functions(texts, unit.diff.findings));
    check_for_change(options, plan, record.units, record.findings);
    progress.end();

    // One module of all that, linked by kbuild with the template.
    progress.begin("link", "link the module");
    Module module = link_module(options, target, core, changes, record.units, images, folder.path());
    record.review.see_references(module, images);
    progress.end();

    // What it cannot import, the livepatch core is to find.
    progress.begin("convert", "write the livepatch relocations");
    Livepatch livepatch = make_livepatch(module, images);
    add(record.findings, livepatch.findings);
    progress.end();

    // Nobody gets a module that the target would refuse.
    progress.begin("verify", "check the module against the kernel");
    Verdict verdict = verify_livepatch(options, images, livepatch);
    add(record.findings, verdict.findings);
    progress.end();

    progress.begin("write", "write the module");
    record.review.see_module(livepatch);
    const FinishedModules modules = finish_modules(options, target, livepatch, folder.path() / "finished");
    record.livepatch_relocations = livepatch.module.livepatch_relocations;
    add(record.findings, signature_findings(modules));
    progress.end();

    // Does the kernel take it, and does it do there what it is for?
    if (options.is_tested) {
        progress.begin("test", "boot the kernel with the module");
        BootTested tested = boot_test(options, target, record.units, modules, folder.path() / "test");
        record.test = std::move(tested.facts);
        refuse_errors(tested.findings);
        add(record.findings, tested.findings);
        progress.end(record.test->passed ? "passed" : "failed");
    }
    record.output = hand_out(options, modules, outputs);

    // And as a package, with its reports and what it was made of.
    if (options.package) {
        progress.begin("package", "make the package");
        record.status = "done";
        note_inputs(options, record);
        record.output.package = package_module(options, record, modules, folder.path() / "package", outputs);
        progress.end();
    }
}

// The report goes with what it is about: all appears under its name now, or nothing.
void finish(const Options& options, Record& record, const report::Progress& progress, files::Together& outputs) {
    record.stages = progress.times();
    note_inputs(options, record);
    if (!options.report.empty()) {
        report::Facts facts = facts_of(record);
        if (options.reproducible_report)
            facts = without_circumstances(std::move(facts), record.target ? cache_of(*record.target) : "");
        const std::string text = report_text(facts, options.report);
        outputs.add(options.report, std::as_bytes(std::span(text)));
    }
    outputs.put_in_place();
}

// Found out from the objects, or from the text alone.
bool says_nothing_changed(const std::string& code) {
    return code == "livepatch.nothing-changed" || code == "source.only-comments" || code == "source.no-code";
}

// Nothing is written: the answer is what was asked for.
report::Exit reproduce(Options options) {
    const Reported reported = read_report(options);
    Record record(options);
    report::Progress progress(stderr);
    files::Together outputs;
    run(options, record, progress, outputs);
    outputs.drop();
    note_inputs(options, record);
    report::print(record.findings);
    fmt::print("{}", compare_with(reported, record));
    return report::Exit::done;
}

report::Exit list_kernels(const Options& options) {
    const host::Cache cache = host::Cache::open(options.sharing);
    const std::vector<kernel::OfferedKernel> kernels = find_kernels(options.listed, cache);
    fmt::print("{}", options.as_json ? kernels_as_json(kernels) : kernels_as_table(kernels));
    return report::Exit::done;
}

report::Exit look_after_cache(const Options& options) {
    const host::Cache cache = host::Cache::open(options.sharing);
    fmt::print("{}", options.cache_action == Options::CacheAction::list
                         ? describe_cache(cache)
                         : prune_cache(cache, std::chrono::days(options.cache_days)));
    return report::Exit::done;
}

report::Exit build_livepatch(const Options& options) {
    // What cannot be written is found out before anything is done; the report may be among it.
    check_outputs(options);
    check_packaging(options);
    check_signing(options);
    check_boot_test(options);
    Record record(options);
    report::Progress progress(stderr);
    files::Together outputs;
    report::Exit status = report::Exit::done;
    try {
        run(options, record, progress, outputs);
        record.status = "done";
    } catch (const report::Refusal& refusal) {
        add(record.findings, refusal.findings());
        outputs.drop();
        bool is_nothing = says_nothing_changed(refusal.findings().front().code);
        record.status = is_nothing ? "nothing-changed" : "refused";
        status = is_nothing ? report::Exit::nothing_changed : report::Exit::refused;
    }
    progress.abandon();
    report::print(record.findings);
    finish(options, record, progress, outputs);
    if (options.explain)
        fmt::print("{}", explanation(record));
    if (status == report::Exit::done && makes_module(options))
        fmt::print("{}", summary(record));
    return status;
}

// What is asked for beside making a module.
report::Exit run_command(const Options& options) {
    if (options.lists_kernels)
        return list_kernels(options);
    if (options.cache_action != Options::CacheAction::none)
        return look_after_cache(options);
    if (!options.reproduce.empty())
        return reproduce(options);
    if (!options.fleet.empty())
        return build_fleet(options);
    if (!options.fleet_cell.empty())
        return build_fleet_cell(options);
    return build_livepatch(options);
}

} // namespace

int main(int argc, char** argv) {
    int status = 0;
    std::optional<Options> options = parse_options(argc, argv, status);
    if (!options)
        return status;
    if (options->verbose)
        host::set_trace([](const host::Command& command) { fmt::print(stderr, "+ {}\n", host::to_shell(command)); });
    report::heed_signals();
    return report::run_command([&] { return run_command(*options); });
}
