#include "loading.h"

#include "watch_over.h"

#include "livepatch/loadable.h"
#include "report/command.h"
#include "report/finding.h"
#include "store/guard.h"
#include "store/records.h"
#include "symbols/kernel_files.h"

#include <fmt/format.h>

#include <cstring>

namespace klp::ctl {

using livepatch::LoadedPatch;
using livepatch::Outcome;
using livepatch::State;
using livepatch::System;

namespace {

// klp-build writes it beside the live patches that need it.
void load_core(livepatch::KernelCalls& kernel, const std::filesystem::path& file, const System& system) {
    const elf::Object core = symbols::open_module(file);
    livepatch::KernelLog log(system);
    if (const int error = kernel.insert(core.file())) {
        std::string said;
        for (const std::string& line : log.fresh_lines())
            said += "; " + line;
        throw report::Refusal(
            "livepatch.load-failed", file.string(),
            fmt::format("the kernel did not take the livepatch core: {}{}", std::strerror(error), said),
            "the core must be the one that was built with the live patch");
    }
}

// What a cumulative patch took out of effect. A record that cannot be written is no reason to take the patch back.
void note_replaced(const System& system, const std::string& by) {
    for (const LoadedPatch& patch : livepatch::read_patches(system)) {
        std::optional<store::Record> record = store::find_record(system, patch.name);
        if (patch.name == by || patch.state != State::idle || !record || !record->replaced_by.empty())
            continue;
        record->replaced_by = by;
        try {
            store::write_record(system, *record);
        } catch (const report::Refusal& refusal) {
            report::print(refusal.findings());
        }
    }
}

} // namespace

Candidate read_candidate(const System& system, const std::string& what) {
    const store::Store store(system);
    const std::string kernel = livepatch::running_kernel(system).build_id;
    std::filesystem::path file = std::filesystem::absolute(what);
    if (!std::filesystem::exists(file))
        if (const std::optional<store::Installed> named = store.find(kernel, what))
            file = store.module_path(*named);
    elf::Object module = symbols::open_module(file);
    livepatch::ModuleFacts facts = livepatch::read_module_facts(module);
    std::optional<store::Installed> installed = store.find(kernel, facts.name);
    if (installed && installed->sha256 != facts.sha256)
        installed.reset();
    return {std::move(module), std::move(facts), std::move(file), std::move(installed)};
}

namespace {

// Loads what nothing speaks against; the record is there while the module is.
Outcome insert_patch(Bench& bench, const Candidate& candidate) {
    const livepatch::ModuleFacts& facts = candidate.facts;
    store::write_record(bench.system, store::make_record(facts, candidate.file,
                                                         candidate.installed ? candidate.installed->package : ""));
    auto drop = [&] {
        if (!livepatch::is_loaded(bench.system, facts))
            store::drop_record(bench.system, facts.name);
    };
    try {
        const Outcome outcome = bench.work.load(facts.name, candidate.module.file());
        drop();
        return outcome;
    } catch (const report::Refusal&) {
        drop();
        throw;
    }
}

// The same under the eyes of the crash guard.
Outcome insert_guarded(Bench& bench, const Candidate& candidate) {
    if (!candidate.installed)
        return insert_patch(bench, candidate);
    store::Store store(bench.system);
    const std::string boot_id = livepatch::running_kernel(bench.system).boot_id;
    store::Installed installed = *candidate.installed;
    store::judge(store, installed, boot_id);
    store::begin_trial(store, installed, boot_id);
    try {
        const Outcome outcome = insert_patch(bench, candidate);
        if (outcome == Outcome::taken_back)
            store::end_trial(store, installed, boot_id);
        else
            watch_over(bench.system, installed, bench.guard);
        return outcome;
    } catch (const report::Refusal&) {
        store::end_trial(store, installed, boot_id);
        throw;
    }
}

} // namespace

Outcome load_patch(Bench& bench, const Candidate& candidate) {
    const livepatch::ModuleFacts& facts = candidate.facts;
    if (std::vector<report::Finding> findings = livepatch::why_not_loadable(bench.system, facts); !findings.empty())
        throw report::Refusal(std::move(findings));
    const std::optional<LoadedPatch> patch = livepatch::find_patch(bench.system, facts.name);
    bench.work.need_no_other_transition(facts.name);
    if (patch && patch->state != State::idle)
        return bench.work.enable(facts.name);
    if (patch)
        unload_patch(bench, facts.name);
    if (livepatch::needs_core(bench.system, facts))
        load_core(bench.kernel, candidate.file.parent_path() / fmt::format("{}.ko", elf::core_module), bench.system);
    const Outcome outcome = insert_guarded(bench, candidate);
    if (outcome == Outcome::done)
        note_replaced(bench.system, facts.name);
    return outcome;
}

Outcome enable_patch(Bench& bench, const std::string& name) {
    const std::optional<LoadedPatch> patch = livepatch::find_patch(bench.system, name);
    if (!patch || patch->state != State::idle)
        return bench.work.enable(name);
    const store::Record record = store::Store(bench.system).origin_of(*patch);
    if (record.file.empty())
        throw report::Refusal("livepatch.unknown-file", name,
                              "it must be loaded anew, and from which file it came is not known",
                              "klpctl unload it, and klpctl load its file");
    const Candidate candidate = read_candidate(bench.system, record.file);
    if (candidate.facts.sha256 != record.sha256)
        throw report::Refusal("livepatch.unknown-file", record.file,
                              "it must be loaded anew, and the file is not the one any more that it came from",
                              "klpctl unload it, and klpctl load the new one");
    return load_patch(bench, candidate);
}

void unload_patch(Bench& bench, const std::string& name) {
    bench.work.remove(name);
    store::drop_record(bench.system, name);
}

} // namespace klp::ctl
