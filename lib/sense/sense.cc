#include "sense/sense.h"

#include "report/names.h"
#include "sense/code.h"
#include "sense/layouts.h"
#include "sense/prototypes.h"
#include "sense/shapes.h"
#include "sense/tables.h"
#include "sense/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace klp::sense {

namespace {

using report::Finding;
using report::Severity;
using Names = std::set<std::string, std::less<>>;

std::string place(const std::string& file, unsigned line) {
    return line ? fmt::format("{}:{}", file, line) : file;
}

// ---- layouts ----

constexpr const char* shadow_hint =
    "keep the structure as it is and put what is new into a shadow variable beside the object: "
    "klp_shadow_get_or_alloc() where it is used, klp_shadow_free() where the object is freed; klp-build --rewrite DIR "
    "writes that patch";
constexpr const char* variable_hint =
    "leave the variable as it is, and give what is new a variable of its own, which only the new code uses";
constexpr const char* keep_hint =
    "leave the members as they are, also those that nothing uses any more; what is new goes "
    "into a shadow variable (klp_shadow_get_or_alloc())";

// Who calls through such a table has it compiled in where each pointer is, and nobody makes one at run time.
constexpr const char* operations_hint = "leave the structure as it is: have the code that would call the new function "
                                        "call it by its name, for those tables "
                                        "that would have it";

// What an event writes into the ring buffer (TP_STRUCT__entry()): nobody keeps it, and so nothing can be kept beside
// it.
constexpr const char* trace_hint = "leave the event as it is: its format is known to those who trace, and records that "
                                   "are there have the old one; say "
                                   "what is new with trace_printk()";

// include/linux/trace_events.h: all records begin alike.
bool is_trace_record(const Shapes& shapes, TypeId id) {
    const Type& type = shapes.type(shapes.strip(id));
    return !type.members.empty() && shapes.type(shapes.strip(type.members.front().type)).name == "trace_entry";
}

bool is_table_of_operations(const Shapes& shapes, TypeId id) {
    const Type& type = shapes.type(shapes.strip(id));
    const auto functions = std::ranges::count_if(type.members, [&](const Member& member) {
        const Type& pointer = shapes.type(shapes.strip(member.type));
        return pointer.kind == Kind::pointer && shapes.type(shapes.strip(pointer.target)).kind == Kind::function;
    });
    return 2 * static_cast<size_t>(functions) > type.members.size();
}

// Of a variable that gets another type, it is that one object which changes, and none of the others of its old type.
std::string usage_text(const LayoutChange& change, const Usage& usage, const std::vector<std::string>& untouched) {
    std::string text;
    if (change.is_variable)
        return text;
    if (!usage.embedding.empty())
        text += fmt::format("; it is part of {}", report::first_of(usage.embedding));
    if (!usage.variables.empty())
        text +=
            fmt::format("; {} {} of it", report::first_of(usage.variables), usage.variables.size() == 1 ? "is" : "are");
    if (!untouched.empty())
        text += fmt::format("; used by code that stays as it is: {}", report::first_of(untouched));
    return text;
}

class Findings {
public:
    Findings(const Types& before, const Types& after, const elf::Object& original, const elf::Object& patched,
             const Options& options)
        : before_(before), after_(after), original_(original), patched_(patched), options_(options),
          handed_out_(functions_handed_out(original)), changed_(changed_functions(original, patched)) {}

    std::vector<Finding> run() {
        for (const LayoutChange& change : compare_layouts(before_, after_).changes)
            add_layout(change);
        for (const EnumeratorChange& change : compare_enumerators(before_.types(), after_.types()))
            add_enumerators(change);
        add_prototypes();
        add_removed_callbacks();
        return std::move(findings_);
    }

private:
    void add(const char* code, Severity severity, std::string where, std::string name, std::string message,
             std::string hint) {
        findings_.push_back({code, severity, std::move(where), std::move(name), std::move(message), std::move(hint)});
    }

    void add_layout(const LayoutChange& change) {
        const Usage usage = find_usage(before_, change.original);
        std::vector<std::string> untouched;
        std::ranges::copy_if(usage.functions, std::back_inserter(untouched),
                             [&](const std::string& name) { return !changed_.contains(name); });
        // No object of it lives longer than a call of a function that is replaced, or all are in tables that are
        // replaced with those functions.
        if (untouched.empty() &&
            (usage.is_on_stacks_only || (usage.is_in_variables_only && are_private_tables(original_, usage.holders))))
            return;
        const std::string where = place(change.file, change.line), what = report::first_of(change.differences);
        if (change.weight == Weight::changed && untouched.empty() && is_made_on_stacks(usage, change))
            return add("sense.layout-changed", Severity::warning, where, change.name,
                       what +
                           "; its objects are local variables of functions that are replaced, as far as is to be seen, "
                           "but some of these also get one by a pointer",
                       "see where that pointer comes from: nobody may keep such an object from before the patch");
        switch (change.weight) {
        case Weight::changed:
            return add("sense.layout-changed", Severity::error, where, change.name,
                       what + usage_text(change, usage, untouched) + "; objects that exist keep the old layout",
                       change.is_variable                                 ? variable_hint
                       : is_trace_record(before_, change.original)        ? trace_hint
                       : is_table_of_operations(before_, change.original) ? operations_hint
                       : change.is_grown_only                             ? shadow_hint
                                                                          : keep_hint);
        case Weight::hole_filled:
            return add("sense.hole-filled", Severity::warning, where, change.name,
                       what + ", where there was padding" + usage_text(change, usage, untouched) +
                           "; in objects that exist it holds what was left there, zero only if all of them were zeroed",
                       "have the new code take any value there for an old object's, or use a shadow variable, which "
                       "klp-build --rewrite DIR makes of it");
        case Weight::renamed:
            return add("sense.member-renamed", Severity::warning, where, change.name,
                       what + "; objects that exist hold the old member's values",
                       "give a new meaning a place of its own: a shadow variable");
        case Weight::unordered:
            return add(
                "sense.byte-order", Severity::warning, where, change.name,
                what + "; objects that exist hold the old byte order",
                "if only the type's name has changed there is nothing to do; else keep what is stored as it was and "
                "convert it where it is used");
        case Weight::overlaid:
            return;
        }
    }

    // A type of one source file, which shows all that is made of it.
    bool is_made_on_stacks(const Usage& usage, const LayoutChange& change) const {
        constexpr std::string_view structure = "struct ";
        return usage.is_perhaps_on_stacks_only && change.file.ends_with(".c") && change.name.starts_with(structure) &&
               !options_.is_made(std::string_view(change.name).substr(structure.size()));
    }

    void add_enumerators(const EnumeratorChange& change) {
        const std::string where = place(change.file, change.line);
        if (!change.differences.empty())
            add("sense.enum-changed", Severity::error, where, change.enumeration,
                report::first_of(change.differences) + "; what is stored in objects that exist has the old values",
                "put new enumerators after those that exist, and leave the others' values as they are");
        if (!change.removed.empty())
            add("sense.enum-changed", Severity::warning, where, change.enumeration,
                report::first_of(change.removed) + (change.removed.size() == 1 ? " is" : " are") +
                    " gone; objects that exist may still hold the value",
                "have the new code expect it");
    }

    void add_prototypes() {
        const Names exports = exports_of(original_), in_data = functions_in_data(original_);
        const Names of_bpf = functions_of_bpf(original_);
        for (const PrototypeChange& change : compare_prototypes(before_, after_)) {
            const std::string& name = change.original->name;
            if (exports.contains(name) || options_.is_exported(name))
                add_prototype(change, "it is exported, and modules that call it as before get the new function");
            else if (in_data.contains(name))
                add_prototype(change, "its address is in a table of callbacks, and who calls it from there as before "
                                      "gets the new function");
            else if (of_bpf.contains(name))
                add_prototype(change, "BPF programs that are loaded were checked against what it was, and call it so");
            else if (is_handed_out(*change.original) && !change.is_passed_to_changed)
                add_prototype(change, "code hands its address out, and work items, timers and callbacks that hold it "
                                      "already call the new function as before");
        }
    }

    // To somebody who can call it.
    bool is_handed_out(const Function& function) const {
        return handed_out_.contains(function.name) && is_callable_by_pointer(before_, function.prototype);
    }

    void add_removed_callbacks() {
        Names left;
        for (const elf::Symbol& symbol : patched_.symbols())
            if (symbol.is_function() && symbol.place == elf::Place::section)
                left.insert(std::string(source_name(symbol.name)));
        Names seen;
        for (const Function& function : before_.types().functions)
            if (function.has_code && is_handed_out(function) && !left.contains(function.name) &&
                seen.insert(function.name).second)
                add("sense.callback-removed", Severity::warning, place(function.file, function.line), function.name,
                    "the patch takes it away, but code has handed its address out: work items, timers and callbacks "
                    "that "
                    "hold it go on calling the old function, which this patch does not reach",
                    "keep the function, and let it do for old holders what the new code does");
    }

    void add_prototype(const PrototypeChange& change, const char* why) {
        const Function& patched = *change.patched;
        add("sense.prototype-changed", Severity::error, place(patched.file, patched.line), patched.name,
            fmt::format("it is {} now, was {}; {}", after_.spelling(patched.prototype),
                        before_.spelling(change.original->prototype), why),
            "leave it as it is and add a function with the new parameters, for the callers that the patch changes");
    }

    Shapes before_;
    Shapes after_;
    const elf::Object& original_;
    const elf::Object& patched_;
    const Options& options_;
    Names handed_out_;
    Names changed_;
    std::vector<Finding> findings_;
};

void add_exports(const elf::Object& original, const elf::Object& patched, std::vector<Finding>& findings) {
    const auto before = export_terms_of(original), after = export_terms_of(patched);
    const auto add = [&](const std::string& name, std::string message, const char* hint) {
        findings.push_back({"sense.export-changed", Severity::warning, patched.name(), name, std::move(message), hint});
    };
    const auto whom = [](const std::string& terms) { return terms.empty() ? "everybody" : terms; };
    for (const auto& [name, terms] : after) {
        const auto old = before.find(name);
        if (old == before.end())
            add(name,
                "the patch exports it, but a live patch adds nothing to what vmlinux and the modules export: no other "
                "module will find it",
                "leave the export out of the live patch");
        else if (old->second != terms)
            add(name,
                fmt::format("the patch exports it for {}, and the running kernel goes on exporting it for {}",
                            whom(terms), whom(old->second)),
                "");
    }
    for (const auto& [name, terms] : before)
        if (!after.contains(name))
            add(name, "the patch takes its export away, but modules go on finding the running kernel's", "");
}

} // namespace

std::vector<Finding> compare(const elf::Object& original, const elf::Object& patched, const Options& options) {
    std::vector<Finding> findings;
    add_exports(original, patched, findings);
    if (!has_difference(original, patched))
        return findings;
    const std::optional<Types> before = read_types(original), after = read_types(patched);
    if (before && after) {
        std::vector<Finding> more = Findings(*before, *after, original, patched, options).run();
        findings.insert(findings.end(), more.begin(), more.end());
    } else {
        findings.push_back({"sense.no-debug-data", Severity::warning, patched.name(), "",
                            "its objects do not describe their types: whether the patch changes the layout of data "
                            "that exists is not known",
                            "compile both with -g"});
    }
    std::ranges::stable_sort(findings, {}, &Finding::where);
    return findings;
}

} // namespace klp::sense
