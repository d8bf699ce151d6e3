#include "loading.h"

#include "livepatch/loadable.h"
#include "report/command.h"
#include "report/finding.h"
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

Candidate read_candidate(const System&, const std::string& file) {
    elf::Object module = symbols::open_module(file);
    livepatch::ModuleFacts facts = livepatch::read_module_facts(module);
    return {std::move(module), std::move(facts), std::filesystem::absolute(file), {}};
}

Outcome load_patch(const System& system, livepatch::KernelCalls& kernel, livepatch::Operator& work,
                   const Candidate& candidate) {
    const livepatch::ModuleFacts& facts = candidate.facts;
    if (std::vector<report::Finding> findings = livepatch::why_not_loadable(system, facts); !findings.empty())
        throw report::Refusal(std::move(findings));
    const std::optional<LoadedPatch> patch = livepatch::find_patch(system, facts.name);
    work.need_no_other_transition(facts.name);
    if (patch && patch->state != State::idle)
        return work.enable(facts.name);
    if (patch)
        unload_patch(system, work, facts.name);
    if (livepatch::needs_core(system, facts))
        load_core(kernel, candidate.file.parent_path() / fmt::format("{}.ko", elf::core_module), system);
    store::write_record(system, store::make_record(facts, candidate.file, candidate.package));
    Outcome outcome = Outcome::taken_back;
    try {
        outcome = work.load(facts.name, candidate.module.file());
    } catch (const report::Refusal&) {
        if (!livepatch::is_loaded(system, facts))
            store::drop_record(system, facts.name);
        throw;
    }
    if (outcome == Outcome::taken_back)
        store::drop_record(system, facts.name);
    if (outcome == Outcome::done)
        note_replaced(system, facts.name);
    return outcome;
}

Outcome enable_patch(const System& system, livepatch::KernelCalls& kernel, livepatch::Operator& work,
                     const std::string& name) {
    const std::optional<LoadedPatch> patch = livepatch::find_patch(system, name);
    if (!patch || patch->state != State::idle)
        return work.enable(name);
    const std::optional<store::Record> record = store::find_record(system, name);
    if (!record)
        throw report::Refusal("livepatch.unknown-file", name,
                              "it must be loaded anew, and from which file it came is not known",
                              "klpctl unload it, and klpctl load its file");
    const Candidate candidate = read_candidate(system, record->file);
    if (candidate.facts.sha256 != record->sha256)
        throw report::Refusal("livepatch.unknown-file", record->file,
                              "it must be loaded anew, and the file is not the one any more that it came from",
                              "klpctl replace or klpctl load the new one");
    return load_patch(system, kernel, work, candidate);
}

void unload_patch(const System& system, livepatch::Operator& work, const std::string& name) {
    work.remove(name);
    store::drop_record(system, name);
}

} // namespace klp::ctl
