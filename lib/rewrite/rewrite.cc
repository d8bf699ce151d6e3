#include "rewrite/rewrite.h"

#include "rewrite/boot_code.h"
#include "rewrite/callbacks.h"
#include "rewrite/changed_functions.h"
#include "rewrite/enumerators.h"
#include "rewrite/initial_values.h"
#include "rewrite/module_keys.h"
#include "rewrite/places.h"
#include "rewrite/shadow_member.h"
#include "rewrite/signatures.h"
#include "rewrite/start_variables.h"
#include "rewrite/unhookable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

namespace klp::rewrite {

namespace {

constexpr const char* includes = "#include <linux/livepatch.h>\n#include <linux/livepatch_helpers.h>\n";

// Ranks of insertions at one place.
constexpr int of_includes = -3, of_code = -2, of_functions = -1;

struct UnitPair {
    std::unique_ptr<ParsedUnit> original;
    std::unique_ptr<ParsedUnit> patched;
    std::string owner;
    bool is_traced = true;
};

std::map<std::string, std::string> texts_of(const Request& request) {
    std::map<std::string, std::string> texts;
    for (const auto& [path, file] : request.files)
        texts[path] = file.text;
    return texts;
}

std::vector<UnitPair> read_units(const std::vector<Unit>& units, const Request& request) {
    const std::map<std::string, std::string> texts = texts_of(request);
    std::vector<UnitPair> pairs;
    for (const Unit& unit : units)
        pairs.push_back({std::make_unique<ParsedUnit>(unit.original, request.originals),
                         std::make_unique<ParsedUnit>(unit.patched, texts), unit.owner, unit.is_traced});
    return pairs;
}

// The units of those that call what they cannot be redirected from.
void add_callers(Request& request, std::vector<UnitPair>& units) {
    std::set<std::string> names;
    for (const UnitPair& unit : units) {
        const std::map<std::string, Function> functions = functions_of(*unit.patched);
        for (const std::string& name : unhookable_changes(*unit.patched, unit.patched->main_file(),
                                                          request.files.at(unit.patched->main_file()), unit.is_traced))
            if (!functions.at(name).is_static)
                names.insert(name);
    }
    if (names.empty() || !request.callers.empty())
        return;
    Sources callers = request.find_callers(names);
    request.files.merge(callers.files);
    for (UnitPair& unit : read_units(callers.units, request))
        units.push_back(std::move(unit));
    request.units.insert(request.units.end(), callers.units.begin(), callers.units.end());
}

// By the structure's place: two units may have private ones of one name.
std::map<std::pair<std::string, std::string>, std::vector<RecordInUnit>>
extended_records(const std::vector<UnitPair>& units, const PatchedTexts& texts) {
    std::map<std::pair<std::string, std::string>, std::vector<RecordInUnit>> records;
    for (const UnitPair& unit : units)
        for (ExtendedRecord& record : find_new_members(*unit.original, *unit.patched, texts))
            records[{record.end.file, record.spelling}].push_back({unit.patched.get(), unit.owner, std::move(record)});
    return records;
}

std::string error_lines(const std::vector<report::Finding>& questions) {
    std::string text;
    for (const report::Finding& question : questions) {
        std::string line = fmt::format("{}: {}", question.code, question.hint);
        std::ranges::replace(line, '"', '\'');
        text += fmt::format("\n#error \"klp-build: {}; README says why\"\n", line);
    }
    return text;
}

class Writer {
public:
    Writer(const Request& request, FileEdits& edits, Result& result)
        : request_(request), edits_(edits), result_(result) {}

    // The accessors go where all that need them see them: behind the structure in the only file that uses it, else into
    // the first of these files, with a header beside it.
    void add_accessors(const ShadowPlan& plan, const std::string& owner) {
        if (plan.users.empty())
            return;
        const std::string& first = plan.users.front();
        const std::string questions = error_lines(plan.questions);
        if (plan.users.size() == 1) {
            place_code(first, plan,
                       shadow_structure(plan.shadow) + "\n" + shadow_functions(plan.shadow, "static ") + questions);
            if (plan.early_end)
                edits_[first].insert(
                    {place_for_include(request_.files.at(first).text, plan.early_end->offset), 0,
                     fmt::format("\n{};\n{};\n", plan.shadow.record, release_prototype(plan.shadow, "static ")),
                     of_code});
        } else {
            const std::string name = structure_name(plan.shadow) + ".h";
            result_.files[first.substr(0, first.rfind('/') + 1) + name] = header(plan.shadow);
            for (const std::string& user : plan.users)
                place_code(user, plan,
                           fmt::format("#include \"{}{}\"\n{}", folder_for(first, user), name,
                                       user == first
                                           ? fmt::format("\n{}{}", shadow_functions(plan.shadow, ""), questions)
                                           : std::string()));
        }
        callbacks_[owner][relative(first)].shadows.push_back(plan.shadow);
    }

    void add_values(const ChangedValues& changed, const ParsedUnit& unit, const std::string& owner) {
        for (const auto& [file, some] : changed.edits)
            edits_[file].insert(some.begin(), some.end());
        std::vector<ChangedValue>& values = callbacks_[owner][relative(unit.main_file())].values;
        values.insert(values.end(), changed.values.begin(), changed.values.end());
    }

    void add_boot_code(const BootCode& code, const ParsedUnit& unit, const std::string& owner) {
        for (const auto& [file, some] : code.edits)
            edits_[file].insert(some.begin(), some.end());
        if (code.values.empty() && code.steps.empty())
            return;
        FileCallbacks& callbacks = callbacks_[owner][relative(unit.main_file())];
        callbacks.values.insert(callbacks.values.end(), code.values.begin(), code.values.end());
        callbacks.steps.insert(callbacks.steps.end(), code.steps.begin(), code.steps.end());
    }

    void add_callbacks() {
        for (const auto& [owner, files] : callbacks_)
            for (const auto& [name, code] : callback_code(files)) {
                const std::string file = request_.patched_root + "/" + name;
                const std::string& text = request_.files.at(file).text;
                edits_[file].insert({text.size(), 0, code});
                edits_[file].insert({place_for_include(text, text.size()), 0, includes, of_includes});
            }
    }

private:
    std::string relative(const std::string& file) const { return file.substr(request_.patched_root.size() + 1); }

    // Behind the structure's definition if that is in the file, else behind what the file includes.
    void place_code(const std::string& file, const ShadowPlan& plan, const std::string& code) {
        const std::string& text = request_.files.at(file).text;
        if (plan.definition.file == file)
            edits_[file].insert({plan.definition.offset, 0, "\n\n" + code.substr(0, code.size() - 1), of_code});
        else
            edits_[file].insert(
                {place_for_include(text, text.size()), 0, (code.starts_with('#') ? "" : "\n") + code, of_code});
    }

    // How a file says the folder of another one in an #include; empty if it is its own.
    static std::string folder_for(const std::filesystem::path& file, const std::filesystem::path& user) {
        const std::string folder = file.parent_path().lexically_relative(user.parent_path()).string();
        return folder == "." ? "" : folder + "/";
    }

    static std::string header(const Shadow& shadow) {
        std::string guard = fmt::format("_{}_H", structure_name(shadow));
        std::ranges::transform(guard, guard.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        return fmt::format("/* SPDX-License-Identifier: GPL-2.0 */\n#ifndef {0}\n#define {0}\n\n{1}\n{2}\n{3}\n"
                           "#endif\n",
                           guard, "#include <linux/livepatch.h>\n", shadow_structure(shadow),
                           shadow_prototypes(shadow));
    }

    const Request& request_;
    FileEdits& edits_;
    Result& result_;
    std::map<std::string, std::map<std::string, FileCallbacks>> callbacks_; // by owner and file
};

void apply_all(const Request& request, const FileEdits& edits, Result& result) {
    for (const auto& [path, some] : edits)
        if (!some.empty())
            result.files[path] = edited(request.files.at(path).text, some);
}

// What cannot be read now was not the author's mistake.
void check(const Request& request, const Result& result) {
    if (!result.questions.empty())
        return;
    std::map<std::string, std::string> texts = texts_of(request);
    for (const auto& [path, text] : result.files)
        texts[path] = text;
    for (const Unit& unit : request.units)
        ParsedUnit(unit.patched, texts);
}

} // namespace

namespace {

// An open question keeps the unit from being built.
void ask(const std::vector<report::Finding>& questions, const std::string& file, const Request& request,
         FileEdits& edits, Result& result) {
    if (questions.empty())
        return;
    edits[file].insert({request.files.at(file).text.size(), 0, error_lines(questions)});
    result.questions.insert(result.questions.end(), questions.begin(), questions.end());
}

void rewrite_values(const UnitPair& unit, const Request& request, Writer& writer, FileEdits& edits, Result& result) {
    const std::string name = unit.patched->main_file().substr(request.patched_root.size() + 1);
    const ChangedValues changed = find_changed_values(*unit.original, *unit.patched, name);
    ask(changed.questions, unit.patched->main_file(), request, edits, result);
    if (changed.values.empty())
        return;
    writer.add_values(changed, *unit.patched, unit.owner);
    for (const ChangedValue& value : changed.values)
        result.done.push_back(fmt::format(
            "{} in {} is initialised as it was. A callback makes it {} when the patch goes in{}, and another one puts "
            "it back if nobody else has changed it meanwhile.",
            value.place, name, value.after.empty() ? "0" : value.after,
            value.is_number ? ", if nobody has changed it" : ""));
}

void add_behind_includes(const std::map<std::string, std::string>& code, int rank, const Request& request,
                         FileEdits& edits) {
    for (const auto& [file, text] : code) {
        const std::string& whole = request.files.at(file).text;
        edits[file].insert({place_for_include(whole, whole.size()), 0, "\n" + text, rank});
    }
}

// Functions that keep their old code or arguments, and new ones beside them.
void add_functions(const std::vector<UnitPair>& units, const Request& request, FileEdits& edits, Result& result) {
    if (units.empty())
        return;
    std::vector<UnitSides> sides;
    for (const UnitPair& unit : units)
        sides.push_back({unit.original.get(), unit.patched.get(), unit.is_traced});
    Siblings siblings = find_siblings(sides, request.files, request.patched_root);
    for (auto& [file, some] : siblings.edits)
        edits[file].merge(some);
    add_behind_includes(siblings.prototypes, of_code, request, edits);
    result.done.insert(result.done.end(), siblings.done.begin(), siblings.done.end());
    ask(siblings.questions, units.front().patched->main_file(), request, edits, result);

    NewCallees callees = redirect_callers(
        {sides, request.files, request.patched_root, request.callers, siblings.names, request.callers_in_kernel});
    for (auto& [file, some] : callees.edits)
        edits[file].merge(some);
    add_behind_includes(callees.prototypes, of_code, request, edits);
    add_behind_includes(callees.functions, of_functions, request, edits);
    result.done.insert(result.done.end(), callees.done.begin(), callees.done.end());
    result.remarks.insert(result.remarks.end(), callees.remarks.begin(), callees.remarks.end());
    ask(callees.questions, units.front().patched->main_file(), request, edits, result);
}

// Units that see one header say the same of it.
void keep_enumerators(const UnitPair& unit, const Request& request, FileEdits& edits, Result& result) {
    MovedEnumerators moved = move_enumerators(*unit.original, *unit.patched, request.files, request.patched_root);
    for (auto& [file, some] : moved.edits)
        edits[file].merge(some);
    for (const std::string& text : moved.done)
        if (std::ranges::find(result.done, text) == result.done.end())
            result.done.push_back(text);
    ask(moved.questions, unit.patched->main_file(), request, edits, result);
}

// What a function did when its kernel or module started, a callback does.
void redo_boot_code(const UnitPair& unit, const Request& request, Writer& writer, FileEdits& edits, Result& result) {
    const std::string& file = unit.patched->main_file();
    const std::string name = file.substr(request.patched_root.size() + 1);
    const BootCode code = find_boot_code(*unit.original, *unit.patched, request.files.at(file), name);
    writer.add_boot_code(code, *unit.patched, unit.owner);
    ask(code.questions, file, request, edits, result);
    for (const ChangedValue& value : code.values)
        result.done.push_back(fmt::format("{} in {} was set by a function that has run, and which is as it was. A "
                                          "callback makes it {} when the patch goes in, and another one puts it back "
                                          "if nobody else has changed it meanwhile.",
                                          value.place, name, value.after));
    if (unit.owner != "vmlinux" && !(code.values.empty() && code.steps.empty()))
        result.remarks.push_back(
            fmt::format("{} starts after the callback if it is loaded when the patch is there, and "
                        "sets what it sets as before.",
                        unit.owner));
}

void keep_variables(const UnitPair& unit, FileEdits& edits, Result& result) {
    StartVariables kept = keep_start_variables(*unit.original, *unit.patched);
    for (auto& [file, some] : kept.edits)
        edits[file].merge(some);
    result.done.insert(result.done.end(), kept.done.begin(), kept.done.end());
}

// After all else: what other edits change is compiled anew, with its sites.
void read_keys(const UnitPair& unit, const Request& request, FileEdits& edits, Result& result) {
    if (unit.owner == "vmlinux")
        return;
    const std::string& file = unit.patched->main_file();
    const PatchedText& text = request.files.at(file);
    KeyReads reads = find_key_reads(*unit.patched, text, edits[file], request.is_exported_by_vmlinux);
    if (reads.keys.empty())
        return;
    edits[file].merge(reads.edits[file]);
    if (reads.needs_helpers)
        edits[file].insert({place_for_include(text.text, text.text.size()), 0, includes, of_includes});
    result.done.push_back(
        fmt::format("{}: the static keys and calls of {} ({}) are read like variables in what the patch changes: a "
                    "live patch cannot "
                    "have jumps that follow a module's keys. Turning them on and off takes effect as before.",
                    file.substr(request.patched_root.size() + 1), unit.owner, fmt::join(reads.keys, ", ")));
}

} // namespace

Result rewrite(const Request& given) {
    Request request = given;
    std::vector<UnitPair> units = read_units(request.units, request);
    add_callers(request, units);
    Result result;
    FileEdits edits;
    Writer writer(request, edits, result);
    for (const auto& [place, views] : extended_records(units, request.files)) {
        ShadowPlan plan = plan_shadow(views, request.patched_root);
        for (auto& [file, some] : plan.edits)
            edits[file].merge(some);
        writer.add_accessors(plan, views.front().owner);
        result.done.push_back(plan.summary);
        result.questions.insert(result.questions.end(), plan.questions.begin(), plan.questions.end());
        result.remarks.insert(result.remarks.end(), plan.remarks.begin(), plan.remarks.end());
    }
    for (const UnitPair& unit : units)
        rewrite_values(unit, request, writer, edits, result);
    for (const UnitPair& unit : units)
        redo_boot_code(unit, request, writer, edits, result);
    for (const UnitPair& unit : units)
        keep_variables(unit, edits, result);
    writer.add_callbacks();
    add_functions(units, request, edits, result);
    for (const UnitPair& unit : units)
        keep_enumerators(unit, request, edits, result);
    for (const UnitPair& unit : units)
        read_keys(unit, request, edits, result);
    if (request.units.empty() && !request.files.empty())
        throw report::Refusal(
            "rewrite.nothing-found", "", "the patch changes headers only, and what is in them goes into many units",
            "name the callers that a changed inline function is for (--rewrite-callers FILE), or move what "
            "uses new members from the header into a source file that calls it");
    if (result.done.empty() && result.questions.empty() && result.remarks.empty())
        throw report::Refusal("rewrite.nothing-found", request.units.empty() ? "" : request.units.front().owner,
                              "the patch changes nothing that klp-build knows how to rewrite",
                              "build it as it is; what klp-build refuses of it is to be changed by hand, as "
                              "docs/authoring.md says of each finding");
    apply_all(request, edits, result);
    check(request, result);
    return result;
}

} // namespace klp::rewrite
