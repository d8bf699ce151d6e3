#include "kernel/plan.h"

#include "kernel/plan_makefile.h"
#include "kernel/trace.h"
#include "kernel/unpatchable.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace klp::kernel {

namespace {

using report::Finding;
using report::Severity;
using source::ChangedFile;
using source::FileKind;

// In the unpatched tree; a copy leaves its origin as it is.
const std::string& path_before(const ChangedFile& file) {
    return file.change == ChangedFile::Change::renamed ? file.origin : file.path;
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

class Planner {
public:
    explicit Planner(const PlanSources& sources)
        : sources_(sources), tracer_({.units = sources.units,
                                      .steps = sources.steps,
                                      .source = sources.source,
                                      .build = sources.build,
                                      .include_graph = [this]() -> const source::IncludeGraph& { return graph(); },
                                      .differences = sources.differences}) {
        for (const BuildUnit& unit : sources.units) {
            by_source_.emplace(unit.source, &unit);
            by_path_.emplace(
                source::absolute_path((unit.is_generated ? sources.build : sources.source).string(), unit.source),
                &unit);
        }
    }

    Plan plan(std::vector<ChangedFile> files) {
        for (const ChangedFile& file : files)
            if (file.change == ChangedFile::Change::renamed)
                renamed_.insert(file.origin);
        // Makefiles first: they decide which units there are.
        for (const ChangedFile& file : files)
            if (file.kind == FileKind::makefile)
                plan_recipes(file, plan_makefile(file, sources_, changes_, faults_));
        for (ChangedFile& file : files)
            plan_file(file);
        if (!faults_.empty())
            throw report::Refusal(std::move(faults_));
        Plan result;
        for (auto& [object, change] : changes_)
            result.changes.push_back(std::move(change));
        result.findings = std::move(findings_);
        result.is_partial = is_partial_;
        if (result.changes.empty())
            refuse_nothing(files, std::move(result.findings));
        return result;
    }

private:
    void plan_file(ChangedFile& file) {
        if (sources_.has_rust && source::is_of_rust(file.path))
            return refuse_rust(file);
        if (file.kind != FileKind::makefile && file.kind != FileKind::kconfig)
            trace(file);
        switch (file.kind) {
        case FileKind::c_source:
            return plan_source(file);
        case FileKind::header:
            return plan_header(file);
        case FileKind::assembly:
            return plan_assembly(file);
        case FileKind::kconfig:
            leave_out({"plan.kconfig", Severity::warning, file.path, "",
                       "changes to Kconfig files have no effect: the configuration is the running kernel's",
                       "new options count as not set"});
            return;
        case FileKind::makefile:
        case FileKind::documentation:
            return;
        case FileKind::other:
            // What belongs to a program of the build may be a part of the kernel as well (tools/lib/bpf/relo_core.c).
            if (add_includers(file) > 0)
                return;
            if (std::optional<Finding> tool = trace_.is_read ? std::nullopt : tracer_.find_tool(file.path))
                faults_.push_back(std::move(*tool));
            else if (!trace_.is_read)
                findings_.push_back(
                    note("plan.not-kernel-code", file, "this file becomes no part of the kernel or a module"));
            return;
        }
    }

    // What a Makefile changes besides how units are compiled.
    void plan_recipes(const ChangedFile& file, const PatchedFolder& folder) {
        for (const BuildUnit& unit : folder.gone)
            if (!renamed_.contains(unit.source))
                leave_out({"plan.removed", Severity::warning, file.path, "",
                           fmt::format("with it, kbuild no longer makes {}; its code stays in the running kernel",
                                       unit.object),
                           ""});
        Trace trace = tracer_.trace_recipes(file.path, folder.steps);
        note_lost(file, trace);
        std::ranges::move(trace.faults, std::back_inserter(faults_));
    }

    // Something is made otherwise, and nobody was found who uses it: that is no proof that nobody does.
    void note_lost(const ChangedFile& file, const Trace& trace) {
        if (trace.is_lost)
            leave_out({"plan.unknown-product", Severity::warning, file.path, "",
                       "the build makes something else with it, and what that is used for could not be found out; it "
                       "stays as it is",
                       "leave this file out of the live patch, if the rest of it does without"});
    }

    void refuse_rust(const ChangedFile& file) {
        faults_.push_back(
            error("plan.rust", file.path,
                  "this kernel has code in Rust (CONFIG_RUST), and the file is a part of it: only C can be "
                  "compiled and compared here",
                  "if the fix in C does without it, take the file out of the patch"));
    }

    // The ways into the kernel that lead past the units.
    void trace(ChangedFile& file) {
        const std::string& before = path_before(file);
        const bool is_unit = by_source_.contains(before);
        trace_ = tracer_.trace(before, is_asked_for(file) && !is_unit);
        if (!find_unpatchable(before))
            note_lost(file, trace_);
        else if (!is_read_by_kernel(before))
            trace_.faults.clear();
        std::ranges::move(trace_.faults, std::back_inserter(faults_));
        // A source that is no unit's, or assembly: its readers get the same.
        const bool is_source =
            file.kind == FileKind::assembly || (file.kind == FileKind::c_source && !is_unit && !is_asked_for(file));
        if (is_source && trace_.is_read && !trace_.is_different)
            file.is_token_equal = true;
    }

    // Is it worth to ask who includes it? What is built first, and paper, is included by nobody in the kernel.
    bool is_asked_for(const ChangedFile& file) const {
        if (file.change == ChangedFile::Change::created || file.change == ChangedFile::Change::copied ||
            file.is_token_equal)
            return false;
        switch (file.kind) {
        case FileKind::header:
        case FileKind::assembly:
            return true;
        case FileKind::c_source:
            return sources_.included_sources.contains(name_of(file.path));
        case FileKind::other:
            return sources_.included_sources.contains(name_of(file.path)) ||
                   (!source::is_outside_of_kernel(file.path) && !tracer_.is_named(file.path));
        case FileKind::kconfig:
        case FileKind::makefile:
        case FileKind::documentation:
            return false;
        }
        return false;
    }

    void leave_out(Finding finding) {
        findings_.push_back(std::move(finding));
        is_partial_ = true;
    }

    void plan_source(const ChangedFile& file) {
        if (file.is_token_equal) {
            findings_.push_back(note("plan.only-comments", file, "only comments or blanks change"));
            return;
        }
        const std::string& before = path_before(file);
        if (refuse_if_unpatchable(before))
            return;
        if (file.change == ChangedFile::Change::removed) {
            if (!renamed_.contains(file.path))
                leave_out({"plan.removed", Severity::warning, file.path, "",
                           "the patch removes this file; its code stays in the running kernel", ""});
            return;
        }
        const bool was_planned = std::any_of(changes_.begin(), changes_.end(), [&](const auto& entry) {
            return entry.second.patched.source == file.path;
        });
        const auto [first, last] = by_source_.equal_range(before);
        if (file.change == ChangedFile::Change::renamed)
            return plan_renamed(file, before);
        std::vector<Reading> unpatchable;
        for (auto entry = first; entry != last; ++entry)
            add_or_note(*entry->second, unpatchable);
        note_unpatchable(before, unpatchable);
        // Nothing that is built includes a file that is not there yet: no need to look.
        const bool is_created =
            file.change == ChangedFile::Change::created || file.change == ChangedFile::Change::copied;
        const bool may_be_included = first == last ? !was_planned : sources_.included_sources.contains(name_of(before));
        if (first == last || may_be_included) {
            const size_t count = may_be_included && !is_created ? add_includers(before) : 0;
            if (first == last && count == 0 && !was_planned && !trace_.is_read)
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
        const std::string& before = path_before(file);
        if (refuse_if_unpatchable(before))
            return;
        if (file.change != ChangedFile::Change::modified && file.change != ChangedFile::Change::removed)
            plan_new_header(file);
        if (file.change == ChangedFile::Change::created || file.change == ChangedFile::Change::copied)
            return;
        if (add_includers(before) == 0 && !trace_.is_read)
            findings_.push_back({"plan.not-built", Severity::warning, file.path, "",
                                 "nothing that this configuration builds includes this header", ""});
    }

    // Whoever includes a new header is changed as well, or finds it where another one, or none, was found before.
    void plan_new_header(const ChangedFile& file) {
        std::vector<const BuildUnit*> assembly;
        for (const BuildUnit* unit : sources_.new_readers(file.path, graph())) {
            if (unit->is_assembly)
                assembly.push_back(unit);
            else if (!is_unpatchable(*unit))
                add(*unit);
        }
        trace_ = {};
        tracer_.read_assembly(file.path, assembly, trace_);
        std::ranges::move(trace_.faults, std::back_inserter(faults_));
    }

    void plan_assembly(const ChangedFile& file) {
        if (file.is_token_equal) {
            findings_.push_back(note("plan.only-comments", file, "the assembler gets the same text"));
            return;
        }
        const bool is_unit = by_source_.contains(file.path);
        if (!is_unit && file.change == ChangedFile::Change::modified) {
            if (!trace_.is_read)
                findings_.push_back({"plan.not-built", Severity::warning, file.path, "",
                                     "this configuration does not build the file", ""});
            return;
        }
        if (refuse_if_unpatchable(file.path))
            return;
        faults_.push_back(error("plan.assembly", file.path,
                                "code in assembly has no functions that the kernel could redirect",
                                "patch the C code that calls it instead"));
    }

    void add(const BuildUnit& unit) {
        if (unit.is_assembly || changes_.contains(unit.object))
            return;
        changes_[unit.object] = {unit, sources_.in_patched_tree(unit)};
    }

    void add_or_note(const BuildUnit& unit, std::vector<Reading>& unpatchable) {
        if (is_unpatchable(unit))
            unpatchable.push_back(
                {source::absolute_path(sources_.source.string(), unit.source), unit.compile, unit.object});
        else
            add(unit);
    }

    // Whether such a unit sees a change of a header nobody knows; it must not be passed by in silence.
    void note_unread_units() {
        std::vector<const source::IncludeGraph::Failure*> unread;
        for (const source::IncludeGraph::Failure& failure : graph_->failures()) {
            const auto unit = by_path_.find(failure.unit);
            if (unit != by_path_.end() && !is_unpatchable(*unit->second))
                unread.push_back(&failure);
        }
        if (!unread.empty())
            leave_out({"plan.unread-units", Severity::warning, unread.front()->unit, "",
                       fmt::format("which headers {} units include could not be found out (this one: {}); if "
                                   "they see the change, they stay as they are",
                                   unread.size(), unread.front()->reason),
                       "name the unit's own source in the patch if it has to change"});
    }

    const source::IncludeGraph& graph() {
        if (!graph_) {
            graph_ = sources_.include_graph();
            note_unread_units();
        }
        return *graph_;
    }

    size_t add_includers(const ChangedFile& file) { return is_asked_for(file) ? add_includers(path_before(file)) : 0; }

    // Adds the units that include the file; returns how many see it at all.
    size_t add_includers(const std::string& path) {
        const std::string absolute = source::absolute_path(sources_.source.string(), path);
        size_t count = 0;
        std::vector<Reading> unpatchable;
        for (const std::string& unit : graph().units_including(absolute)) {
            const auto [first, last] = by_path_.equal_range(unit);
            for (auto entry = first; entry != last; ++entry, ++count)
                add_or_note(*entry->second, unpatchable);
        }
        note_unpatchable(path, unpatchable);
        return count;
    }

    void note_unpatchable(const std::string& path, const std::vector<Reading>& units) {
        const auto found = sources_.differences(units);
        const auto count = std::ranges::count_if(found, [](const auto& difference) { return difference.has_value(); });
        if (count > 0)
            leave_out(
                {"plan.unpatchable-includers", Severity::warning, path, "",
                 fmt::format("{} units outside of the kernel proper (vDSO, boot code) see a difference in it too; "
                             "they stay as they are",
                             count),
                 "the patch must not need them to change"});
    }

    // Is it the source of a unit of the kernel, or does one include it? Folders of the vDSO hold both kinds.
    bool is_read_by_kernel(const std::string& path) {
        const std::string absolute = source::absolute_path(sources_.source.string(), path);
        const auto is_of_kernel_proper = [&](const std::string& unit) {
            const auto [first, last] = by_path_.equal_range(unit);
            return std::any_of(first, last, [](const auto& entry) { return !is_unpatchable(*entry.second); });
        };
        return is_of_kernel_proper(absolute) ||
               (source::kind_of(path) == FileKind::header &&
                std::ranges::any_of(graph().units_including(absolute), is_of_kernel_proper));
    }

    bool refuse_if_unpatchable(const std::string& path) {
        std::optional<Finding> fault = find_unpatchable(path);
        if (!fault || is_read_by_kernel(path))
            return false;
        faults_.push_back(std::move(*fault));
        return true;
    }

    [[noreturn]] void refuse_nothing(const std::vector<ChangedFile>& files, std::vector<Finding> findings) const {
        if (!is_partial_)
            source::require_code(files);
        std::string names;
        for (const ChangedFile& file : files)
            names += (names.empty() ? "" : ", ") + file.path;
        findings.push_back(error("plan.nothing-built", names,
                                 "the patch changes nothing that this kernel was built from",
                                 "check that the kernel needs the patch; the configuration decides what is built"));
        throw report::Refusal(std::move(findings));
    }

    const PlanSources& sources_;
    std::multimap<std::string, const BuildUnit*> by_source_;
    std::multimap<std::string, const BuildUnit*> by_path_;
    std::optional<source::IncludeGraph> graph_;
    Tracer tracer_;
    Trace trace_;                   // of the file that is being planned
    std::set<std::string> renamed_; // old names
    bool is_partial_ = false;
    std::map<std::string, UnitChange> changes_;
    std::vector<Finding> findings_;
    std::vector<Finding> faults_;
};

} // namespace

Plan make_plan(const std::vector<ChangedFile>& files, const PlanSources& sources) {
    return Planner(sources).plan(files);
}

} // namespace klp::kernel
