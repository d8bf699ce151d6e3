#include "restoring.h"

#include "loading.h"
#include "text.h"

#include "livepatch/patches.h"
#include "store/guard.h"
#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace klp::ctl {

using livepatch::LoadedPatch;
using livepatch::Outcome;
using livepatch::System;
using report::Finding;
using report::Severity;

namespace {

constexpr std::string_view off_file = "/etc/klp/disabled";

bool is_in_effect(const System& system, const std::string& name, const std::string& build_id) {
    const std::optional<LoadedPatch> patch = livepatch::find_patch(system, name);
    return patch && patch->is_in_effect() && patch->build_id == build_id;
}

std::vector<Candidate> candidates_of(const System& system, const store::Snapshot& wanted) {
    std::vector<Candidate> candidates;
    for (const store::SavedPatch& patch : wanted.patches) {
        if (patch.file.empty() && is_in_effect(system, patch.name, patch.build_id))
            continue;
        if (patch.file.empty())
            throw report::Refusal("livepatch.unknown-file", patch.name, "from which file it came was not known",
                                  "load it with klpctl load");
        candidates.push_back(read_candidate(system, patch.file));
        if (candidates.back().facts.sha256 != patch.sha256)
            throw report::Refusal("livepatch.unknown-file", patch.file,
                                  fmt::format("it is not the file any more that {} came from", patch.name),
                                  "put the old file back, or load the new one with klpctl load");
    }
    std::ranges::stable_partition(candidates, [](const Candidate& candidate) { return candidate.facts.is_replacing; });
    return candidates;
}

const store::SavedPatch* find_saved(const store::Snapshot& snapshot, const std::string& name) {
    const auto found = std::ranges::find(snapshot.patches, name, &store::SavedPatch::name);
    return found == snapshot.patches.end() ? nullptr : &*found;
}

// Takes those patches out of effect and out of the kernel that `is_meant` says.
Outcome take_out(Bench& bench, const std::function<bool(const LoadedPatch&)>& is_meant) {
    for (const LoadedPatch& patch : livepatch::read_patches(bench.system)) {
        if (!is_meant(patch))
            continue;
        if (const Outcome outcome = bench.work.disable(patch.name); outcome != Outcome::done)
            return outcome;
        unload_patch(bench, patch.name);
    }
    return Outcome::done;
}

} // namespace

Outcome restore_patches(Bench& bench, const store::Snapshot& wanted) {
    const std::vector<Candidate> candidates = candidates_of(bench.system, wanted);
    // The kernel has one module of a name. All others go only after what replaces them is there.
    Outcome outcome = take_out(bench, [&](const LoadedPatch& patch) {
        const store::SavedPatch* saved = find_saved(wanted, patch.name);
        return saved && saved->build_id != patch.build_id;
    });
    for (const Candidate& candidate : candidates)
        if (outcome == Outcome::done && !is_in_effect(bench.system, candidate.facts.name, candidate.facts.build_id))
            outcome = load_patch(bench, candidate);
    if (outcome != Outcome::done)
        return outcome;
    return take_out(bench, [&](const LoadedPatch& patch) { return !find_saved(wanted, patch.name); });
}

std::string why_off(const System& system) {
    if (livepatch::boot_parameter(system, "klp.enable") == "0")
        return "klp.enable=0 is on the kernel's command line";
    if (system.exists(off_file))
        return fmt::format("{} is there", off_file);
    return {};
}

namespace {

// Accepted ones in their order, without those that a later one would replace at once.
std::vector<store::Installed> accepted_of(const std::vector<store::Installed>& all) {
    std::vector<store::Installed> accepted;
    std::ranges::copy_if(all, std::back_inserter(accepted), &store::Installed::is_accepted);
    std::ranges::stable_sort(accepted, {}, &store::Installed::accepted_at);
    auto last = std::ranges::find_if(accepted.rbegin(), accepted.rend(), [](const store::Installed& one) {
        return one.is_replacing && one.blocked.empty();
    });
    if (last != accepted.rend())
        std::erase_if(accepted, [first = last->accepted_at](const store::Installed& one) {
            return one.accepted_at < first && one.blocked.empty();
        });
    return accepted;
}

// A kernel without its patches is what one gets with a new kernel; that others had some is worth a word.
void miss_patches(const System& system, const store::Store& store, std::vector<Finding>& findings) {
    std::set<std::string> others;
    for (const store::Installed& one : store.all())
        if (one.is_accepted())
            others.insert(fmt::format("{} ({})", one.release, one.name));
    if (others.empty())
        return;
    const livepatch::RunningKernel kernel = livepatch::running_kernel(system);
    findings.push_back({"store.no-patch-for-kernel",
                        Severity::error,
                        kernel.release,
                        {},
                        fmt::format("no live patch is accepted for this kernel, build {}; there are some for {}",
                                    kernel.build_id, joined({others.begin(), others.end()})),
                        "install and accept the live patches that this kernel needs, or uninstall the old ones"});
}

void load_installed(Bench& bench, const store::Store& store, const store::Installed& installed,
                    std::vector<Finding>& findings) {
    const std::filesystem::path path = store.module_path(installed);
    try {
        Candidate candidate = read_candidate(bench.system, path.string());
        if (candidate.facts.sha256 != installed.sha256)
            throw report::Refusal("store.damaged", path.string(), "the module is not the one that was installed",
                                  "install it again");
        const Outcome outcome = load_patch(bench, candidate);
        clear_line();
        if (outcome == Outcome::done) {
            fmt::print("{}: in effect\n", installed.name);
            return;
        }
        findings.push_back({"store.not-loaded",
                            Severity::error,
                            installed.name,
                            {},
                            outcome == Outcome::taken_back ? "its transition did not end in time; it was taken back"
                                                           : "its transition has not ended",
                            "klpctl load tries again"});
    } catch (const report::Refusal& refusal) {
        findings.insert(findings.end(), refusal.findings().begin(), refusal.findings().end());
    }
}

} // namespace

std::vector<Finding> load_accepted(Bench& bench) {
    std::vector<Finding> findings;
    store::Store store(bench.system);
    const livepatch::RunningKernel kernel = livepatch::running_kernel(bench.system);
    std::vector<store::Installed> installed = store.of_kernel(kernel.build_id);
    for (store::Installed& one : installed)
        store::judge(store, one, kernel.boot_id);
    const std::vector<store::Installed> accepted = accepted_of(installed);
    if (accepted.empty())
        miss_patches(bench.system, store, findings);
    for (const store::Installed& one : accepted) {
        if (!one.blocked.empty())
            findings.push_back({"store.blocked",
                                Severity::error,
                                one.name,
                                {},
                                "it is not loaded: " + one.blocked,
                                "klpctl load tries it again, and klpctl accept has it loaded again from then on"});
        else
            load_installed(bench, store, one, findings);
    }
    return findings;
}

} // namespace klp::ctl
