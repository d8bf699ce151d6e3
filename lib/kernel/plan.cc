#include "kernel/plan.h"

#include "host/files.h"
#include "host/process.h"
#include "kernel/includes.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

using report::Finding;
using report::Severity;
using source::ChangedFile;
using source::FileKind;

struct Unpatchable {
    std::string_view part; // of the path, between slashes
    const char* code;
    const char* what;
};

constexpr std::array unpatchable_parts = {
    Unpatchable{"/vdso/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/vdso32/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/vdso64/", "plan.vdso", "vDSO code runs in user space, mapped into every process"},
    Unpatchable{"/realmode/", "plan.realmode", "real mode code is a binary of its own inside the kernel"},
    Unpatchable{"/purgatory/", "plan.boot", "the kexec purgatory is a binary of its own inside the kernel"},
    Unpatchable{"/libstub/", "plan.firmware-stub", "the EFI stub runs before the kernel does"},
};

// "net/ipv4/" of "net/ipv4/Makefile"; "" at the top.
std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Finding note(const std::string& code, const ChangedFile& file, const std::string& message) {
    return {code, Severity::note, file.path, "", message, ""};
}

Finding error(const std::string& code, const std::string& path, const std::string& message, const std::string& hint) {
    return {code, Severity::error, path, "", message, hint};
}

// Makefiles whose rules reach all of the kernel.
bool is_global_makefile(const std::string& path, bool is_one_module) {
    if (is_one_module)
        return false;
    const bool is_arch_top = path.starts_with("arch/") && std::count(path.begin(), path.end(), '/') == 2;
    return path.starts_with("scripts/") || is_arch_top || path.find('/') == std::string::npos;
}

class Planner {
public:
    explicit Planner(const PlanSources& sources) : sources_(sources) {
        for (const Unit& unit : sources.units) {
            by_source_.emplace(unit.source, &unit);
            by_path_.emplace(
                source::absolute_path((unit.is_generated ? sources.build : sources.source).string(), unit.source),
                &unit);
        }
    }

    Plan plan(const std::vector<ChangedFile>& files) {
        // Makefiles first: they decide which units there are.
        for (const ChangedFile& file : files) {
            if (file.kind == FileKind::makefile)
                plan_makefile(file);
        }
        for (const ChangedFile& file : files)
            plan_file(file);
        if (!faults_.empty())
            throw report::Refusal(std::move(faults_));
        Plan result;
        for (auto& [object, change] : changes_)
            result.changes.push_back(std::move(change));
        result.findings = std::move(findings_);
        if (result.changes.empty())
            refuse_nothing(files, std::move(result.findings));
        return result;
    }

private:
    void plan_file(const ChangedFile& file) {
        switch (file.kind) {
        case FileKind::c_source:
            return plan_source(file);
        case FileKind::header:
            return plan_header(file);
        case FileKind::assembly:
            return plan_assembly(file);
        case FileKind::kconfig:
            findings_.push_back({"plan.kconfig", Severity::warning, file.path, "",
                                 "changes to Kconfig files have no effect: the configuration is the running kernel's",
                                 "new options count as not set"});
            return;
        case FileKind::makefile:
        case FileKind::documentation:
            return;
        case FileKind::other:
            findings_.push_back(
                note("plan.not-kernel-code", file, "this file becomes no part of the kernel or a module"));
            return;
        }
    }

    void plan_source(const ChangedFile& file) {
        if (file.is_token_equal) {
            findings_.push_back(note("plan.only-comments", file, "only comments or blanks change"));
            return;
        }
        const std::string& before = file.origin.empty() ? file.path : file.origin;
        if (refuse_if_unpatchable(before))
            return;
        if (file.change == ChangedFile::Change::removed) {
            findings_.push_back({"plan.removed", Severity::warning, file.path, "",
                                 "the patch removes this file; its code stays in the running kernel", ""});
            return;
        }
        const bool was_planned = std::any_of(changes_.begin(), changes_.end(), [&](const auto& entry) {
            return entry.second.patched.source == file.path;
        });
        const auto [first, last] = by_source_.equal_range(before);
        if (file.change == ChangedFile::Change::renamed)
            return plan_renamed(file, before);
        for (auto entry = first; entry != last; ++entry)
            add(*entry->second);
        // Nothing that is built includes a file that is not there yet: no need to look.
        const bool is_created = file.change == ChangedFile::Change::created;
        const bool may_be_included = first == last ? !was_planned : sources_.included_sources.contains(name_of(before));
        if (first == last || may_be_included) {
            const size_t count = may_be_included && !is_created ? add_includers(before) : 0;
            if (first == last && count == 0 && !was_planned)
                findings_.push_back(
                    {"plan.not-built", Severity::warning, file.path, "",
                     "this configuration does not build the file: the running kernel has none of its "
                     "code",
                     is_created ? "a new file needs a line in a Makefile, under an option that is set" : ""});
        }
    }

    // The new name's unit came with the Makefile; its original is the old name's.
    void plan_renamed(const ChangedFile& file, const std::string& before) {
        const auto original = by_source_.find(before);
        for (auto& [object, change] : changes_) {
            if (change.patched.source == file.path && change.is_new() && original != by_source_.end() &&
                original->second->owner == change.patched.owner)
                change.unit = *original->second;
        }
        findings_.push_back(note("plan.renamed", file, fmt::format("was {}", before)));
    }

    void plan_header(const ChangedFile& file) {
        if (file.is_token_equal) {
            findings_.push_back(note("plan.only-comments", file, "only comments or blanks change"));
            return;
        }
        const std::string& before = file.origin.empty() ? file.path : file.origin;
        if (refuse_if_unpatchable(before))
            return;
        // Whoever includes a new header is changed as well, or was included before under the same name.
        if (file.change == ChangedFile::Change::created)
            return;
        if (add_includers(before) == 0)
            findings_.push_back({"plan.not-built", Severity::warning, file.path, "",
                                 "nothing that this configuration builds includes this header", ""});
    }

    void plan_assembly(const ChangedFile& file) {
        const auto found = by_source_.find(file.path);
        if (found == by_source_.end() && file.change == ChangedFile::Change::modified &&
            !file.path.ends_with(".lds.S")) {
            findings_.push_back(
                {"plan.not-built", Severity::warning, file.path, "", "this configuration does not build the file", ""});
            return;
        }
        if (refuse_if_unpatchable(file.path))
            return;
        faults_.push_back(error("plan.assembly", file.path,
                                "code in assembly has no functions that the kernel could redirect",
                                "patch the C code that calls it instead"));
    }

    void plan_makefile(const ChangedFile& file) {
        if (refuse_if_unpatchable(file.path))
            return;
        if (is_global_makefile(file.path, sources_.is_one_module)) {
            faults_.push_back(error("plan.global-makefile", file.path,
                                    "this Makefile reaches the whole kernel, which is built already",
                                    "leave it out of the live patch"));
            return;
        }
        const std::string folder = folder_of(file.path);
        std::map<std::string, const Unit*> before;
        for (const Unit& unit : sources_.units) {
            if (unit.object.starts_with(folder))
                before.emplace(unit.object, &unit);
        }
        for (Unit& unit : sources_.patched_units(folder)) {
            // kbuild prepares itself on the way, in other folders.
            if (!unit.object.starts_with(folder) || unit.is_assembly || find_unpatchable(unit.source))
                continue;
            const auto old = before.find(unit.object);
            if (old != before.end() && sources_.in_patched_tree(*old->second).compile == unit.compile)
                continue;
            UnitChange& change = changes_[unit.object];
            change.unit = old == before.end() ? Unit{} : *old->second;
            change.patched = std::move(unit);
        }
    }

    void add(const Unit& unit) {
        if (unit.is_assembly || changes_.contains(unit.object))
            return;
        changes_[unit.object] = {unit, sources_.in_patched_tree(unit)};
    }

    // Adds the units that include the file; returns how many see it at all.
    // Whether such a unit sees a change of a header nobody knows; it must not be passed by in silence.
    void note_unread_units() {
        std::vector<const source::IncludeGraph::Failure*> unread;
        for (const source::IncludeGraph::Failure& failure : graph_->failures()) {
            const auto unit = by_path_.find(failure.unit);
            if (unit != by_path_.end() && !find_unpatchable(unit->second->source))
                unread.push_back(&failure);
        }
        if (!unread.empty())
            findings_.push_back({"plan.unread-units", Severity::warning, unread.front()->unit, "",
                                 fmt::format("which headers {} units include could not be found out (this one: {}); if "
                                             "they see the change, they stay as they are",
                                             unread.size(), unread.front()->reason),
                                 "name the unit's own source in the patch if it has to change"});
    }

    size_t add_includers(const std::string& path) {
        if (!graph_) {
            graph_ = sources_.include_graph();
            note_unread_units();
        }
        const std::string absolute = source::absolute_path(sources_.source.string(), path);
        size_t count = 0;
        size_t unpatchable = 0;
        for (const std::string& unit : graph_->units_including(absolute)) {
            const auto [first, last] = by_path_.equal_range(unit);
            for (auto entry = first; entry != last; ++entry, ++count) {
                if (find_unpatchable(entry->second->source))
                    ++unpatchable;
                else
                    add(*entry->second);
            }
        }
        if (unpatchable > 0)
            findings_.push_back({"plan.unpatchable-includers", Severity::note, path, "",
                                 fmt::format("{} units outside of the kernel proper (vDSO, boot code) include it too; "
                                             "they stay as they are",
                                             unpatchable),
                                 ""});
        return count;
    }

    bool refuse_if_unpatchable(const std::string& path) {
        std::optional<Finding> fault = find_unpatchable(path);
        if (fault)
            faults_.push_back(std::move(*fault));
        return fault.has_value();
    }

    [[noreturn]] static void refuse_nothing(const std::vector<ChangedFile>& files, std::vector<Finding> findings) {
        std::string names;
        for (const ChangedFile& file : files)
            names += (names.empty() ? "" : ", ") + file.path;
        findings.push_back(error("plan.nothing-built", names,
                                 "the patch changes nothing that this kernel was built from",
                                 "check that the kernel needs the patch; the configuration decides what is built"));
        throw report::Refusal(std::move(findings));
    }

    const PlanSources& sources_;
    std::multimap<std::string, const Unit*> by_source_;
    std::multimap<std::string, const Unit*> by_path_;
    std::optional<source::IncludeGraph> graph_;
    std::map<std::string, UnitChange> changes_;
    std::vector<Finding> findings_;
    std::vector<Finding> faults_;
};

// kbuild's dry run of one folder of the patched tree, in the target's own build directory: it writes nothing.
std::vector<Unit> list_patched_units(const Target& target, const fs::path& patched_source, const std::string& folder) {
    Kbuild kbuild = kbuild_of(target);
    std::vector<std::string> goals = {folder};
    if (is_out_of_tree(target))
        goals = {"M=" + patched_source.string(), "modules"};
    else
        kbuild.source = patched_source;
    const host::Outcome outcome = host::run(dry_run_command(kbuild, goals));
    std::vector<Unit> units = parse_dry_run(outcome.output, patched_source);
    if (units.empty())
        throw report::Refusal("plan.makefile", folder + "Makefile",
                              "kbuild cannot read the patched Makefile:\n" + host::last_lines(outcome.errors, 10),
                              "correct the patch");
    return units;
}

} // namespace

std::optional<Finding> find_unpatchable(const std::string& path) {
    const std::string hint = "leave this file out of the live patch";
    for (const Unpatchable& part : unpatchable_parts) {
        if (path.find(part.part) != std::string::npos)
            return error(part.code, path, std::string(part.what) + ", and cannot be patched live", hint);
    }
    // arch/ARCH/boot/
    const size_t arch_end = path.starts_with("arch/") ? path.find('/', 5) : std::string::npos;
    if (arch_end != std::string::npos && path.compare(arch_end, 6, "/boot/") == 0)
        return error("plan.boot", path, "boot code has run and is gone, and cannot be patched live", hint);
    return std::nullopt;
}

Plan make_plan(const std::vector<ChangedFile>& files, const PlanSources& sources) {
    return Planner(sources).plan(files);
}

Plan make_plan(const Target& target, const std::vector<Unit>& units, const std::vector<ChangedFile>& files,
               const fs::path& patched_source, const TargetOptions& options) {
    const std::set<std::string> included = included_sources_of(target);
    return make_plan(
        files,
        {.units = units,
         .source = target.source,
         .build = target.build,
         .included_sources = included,
         .include_graph = [&] { return include_graph_of(target, units, options); },
         .patched_units = [&](const std::string& folder) { return list_patched_units(target, patched_source, folder); },
         .in_patched_tree = [&](const Unit& unit) { return in_patched_tree(unit, target, patched_source); }});
}

} // namespace klp::kernel
