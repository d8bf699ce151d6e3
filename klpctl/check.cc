// check: would this patch do well here and now? Changes nothing.
#include "add_command.h"
#include "commands.h"
#include "loading.h"
#include "text.h"

#include "livepatch/in_use.h"
#include "livepatch/loadable.h"
#include "livepatch/rights.h"
#include "livepatch/running_view.h"
#include "report/command.h"
#include "report/errors.h"
#include "report/json.h"
#include "store/store.h"
#include "symbols/kernel_files.h"
#include "verify/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace klp::ctl {

namespace {

using livepatch::System;
using report::Finding;

// The file of the patch that this one would come on top of; nothing if there is none, several, or its file is not
// known.
std::optional<elf::Object> previous_of(const System& system, const Candidate& candidate) {
    std::optional<elf::Object> previous;
    for (const livepatch::LoadedPatch& patch : livepatch::read_patches(system)) {
        if (!patch.is_in_effect() || patch.name == candidate.facts.name)
            continue;
        const store::Record record = store::Store(system).origin_of(patch);
        if (previous || record.file.empty())
            return std::nullopt;
        try {
            previous.emplace(symbols::open_module(record.file));
        } catch (const report::Refusal&) {
            return std::nullopt;
        }
    }
    return previous;
}

std::optional<elf::Object> core_of(const Candidate& candidate) {
    if (candidate.facts.runtime != elf::Runtime::core)
        return std::nullopt;
    return symbols::open_module(candidate.file.parent_path() / fmt::format("{}.ko", elf::core_module));
}

void add(std::vector<Finding>& findings, std::vector<Finding> more) {
    std::ranges::move(more, std::back_inserter(findings));
}

std::vector<Finding> check(const System& system, const Candidate& candidate) {
    std::vector<Finding> findings = livepatch::why_not_loadable(system, candidate.facts);
    if (!findings.empty()) // all else would only say the same in many words
        return findings;
    const livepatch::RunningView kernel(system);
    if (kernel.boot_image().empty())
        findings.push_back({"livepatch.not-looked-at",
                            report::Severity::note,
                            "/boot",
                            {},
                            "the image that this kernel was booted from is not there: what is in it and not in "
                            "/proc/kallsyms is not looked at",
                            "klp-verify with the kernel's files looks at all of it"});
    const std::optional<elf::Object> previous = previous_of(system, candidate);
    const std::optional<elf::Object> core = core_of(candidate);
    add(findings, verify::check(candidate.module, {.kernel = &kernel,
                                                   .previous = previous ? &*previous : nullptr,
                                                   .core = core ? &*core : nullptr}));
    add(findings, livepatch::what_it_meets(system, candidate.facts));
    return findings;
}

struct Arguments {
    std::string what;
    bool as_json = false;
};

report::Exit run(const System& system, const Arguments& arguments) {
    livepatch::need_right(system, livepatch::Right::see_stacks,
                          "see the kernel's symbols and what tasks are inside of");
    const Candidate candidate = read_candidate(system, arguments.what);
    const std::vector<Finding> findings = check(system, candidate);
    const bool is_well = !report::has_error(findings);
    if (arguments.as_json) {
        print({{"name", candidate.facts.name}, {"findings", report::to_json(findings)}});
    } else {
        report::print(findings);
        fmt::print("{}: {}\n", candidate.facts.name, is_well ? "nothing speaks against loading it" : "do not load it");
    }
    return is_well ? report::Exit::done : report::Exit::refused;
}

} // namespace

void declare_check(CLI::App& app, Work& chosen) {
    auto [command, arguments] = add_command<Arguments>(
        app, chosen, "check", "would a live patch do well here and now? Nothing is changed", run);
    command->add_option("WHAT", arguments->what, "the module (.ko), or the name of one that is installed")->required();
    command->add_flag("--json", arguments->as_json, "print JSON");
}

} // namespace klp::ctl
