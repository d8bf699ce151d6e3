#include "rewrite/callers.h"

#include "rewrite/changed_functions.h"
#include "rewrite/definitions.h"
#include "rewrite/references.h"
#include "rewrite/unhookable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

namespace klp::rewrite {

namespace {

// A place in a function's text where "klp_" goes.
using Marks = std::set<size_t>;

std::string with_prefixes(std::string text, const Marks& marks, size_t begin) {
    for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark)
        text.insert(*mark - begin, new_name_prefix);
    return text;
}

// A file with functions that get new ones beside them.
struct Home {
    const UnitSides* unit = nullptr;
    std::string file;
    bool is_header = false;
    std::set<std::string> names;
    std::map<std::string, Function> functions; // all of the file
    // By function of `names`: where it calls another one, and its own name.
    std::map<std::string, Marks> marks = {};
    std::set<std::string> unclear =
        {}; // of `names`: a macro in it brings the name of another one, or it takes its address
    std::map<std::string, std::set<std::string>> callers = {}; // by function: who calls the new one
    std::map<std::string, std::set<std::string>> users = {};   // by file: which of `names` are called there
};

class Redirection {
public:
    explicit Redirection(const CallerRequest& request) : request_(request) {}

    NewCallees run() {
        std::vector<Home> homes = find_homes();
        for (Home& home : homes)
            find_calls(home);
        if (!homes.empty())
            look_for_idle_callers(homes.front());
        for (Home& home : homes) {
            const std::set<std::string> needed = with_callees(home, called(home));
            for (const std::string& name : home.names)
                place(home, name, needed.contains(name));
            for (const auto& [file, names] : home.users)
                declare(home, file, with_callees(home, names));
        }
        return std::move(result_);
    }

private:
    std::vector<Home> find_homes() const {
        std::vector<Home> homes;
        std::set<std::string> seen;
        for (const UnitSides& unit : request_.units)
            for (const auto& [file, text] : request_.texts) {
                const bool is_header = file != unit.patched->main_file();
                if ((is_header && (request_.chosen.empty() || file.ends_with(".c"))) || seen.contains(file))
                    continue;
                std::set<std::string> names =
                    unhookable_changes(*unit.patched, file, text, !is_header && unit.is_traced);
                // What only the patch has, who calls it is new as well; but it must not stay in a header.
                std::erase_if(names, [&](const std::string& name) {
                    return request_.settled.contains(name) || (!is_header && !definition_of(*unit.original, name));
                });
                if (names.empty())
                    continue;
                seen.insert(file);
                homes.push_back({&unit, file, is_header, std::move(names), functions_in(*unit.patched, file)});
            }
        return homes;
    }

    void find_calls(Home& home) {
        for (const std::string& name : home.names) {
            const bool is_private = home.functions.at(name).is_static && !home.is_header;
            std::set<std::string> others;
            for (const UnitSides& unit : request_.units) {
                if (is_private && &unit != home.unit)
                    continue;
                const References references = references_to(*unit.patched, name);
                for (const Place& place : references.calls)
                    if (request_.texts.contains(place.file))
                        add_call(home, name, unit, place);
                for (const Place& place : references.others)
                    if (request_.texts.contains(place.file) &&
                        !is_export(request_.texts.at(place.file).text, place.offset))
                        add_other(home, unit, place, others);
            }
            if (!others.empty())
                tell_of_addresses(home, name, fmt::format("{}", fmt::join(others, ", ")));
        }
    }

    // Of the functions that get a new one beside them it matters only if they do.
    void add_other(Home& home, const UnitSides& unit, const Place& place, std::set<std::string>& others) {
        const std::string user = function_at(unit, place);
        if (place.file == home.file && home.names.contains(user))
            home.unclear.insert(user);
        else
            others.insert(relative(place.file));
    }

    void tell_of_addresses(const Home& home, const std::string& name, const std::string& where) {
        const std::string what =
            fmt::format("its address is taken in {}, and who calls it by that gets the old code", where);
        if (request_.chosen.empty())
            ask(home, name, what, "decide whether the fix works for the others, or change who calls it by its address");
        else
            result_.remarks.push_back(fmt::format("{}(): {}.", name, what));
    }

    void add_call(Home& home, const std::string& name, const UnitSides& unit, const Place& place) {
        const std::string caller = function_at(unit, place);
        if (place.file == home.file && home.names.contains(caller)) {
            home.marks[caller].insert(place.offset);
            return;
        }
        if (caller.empty() || !is_chosen(place.file, caller))
            return;
        if (place.file == unit.patched->main_file() && !unit.is_traced)
            ask(home, name, fmt::format("ftrace cannot hook {}() in {}, which calls it", caller, relative(place.file)),
                "decide whether the fix works without, or name those that are to call it (--rewrite-callers)");
        result_.edits[place.file].insert({place.offset, 0, new_name_prefix});
        home.callers[name].insert(caller);
        busy_.insert({place.file, caller});
        busy_.insert({place.file, ""});
        home.users[place.file].insert(name);
    }

    // Who was named by mistake would go on with the old code.
    void look_for_idle_callers(const Home& home) {
        for (const Caller& caller : request_.chosen)
            if (!busy_.contains({caller.file, caller.function}))
                ask(home, *home.names.begin(),
                    fmt::format("{}{} was named to call the new code, and calls nothing that changes",
                                relative(caller.file),
                                caller.function.empty() ? std::string() : fmt::format(":{}()", caller.function)),
                    "name those that call it (--rewrite-callers)");
    }

    std::string function_at(const UnitSides& unit, const Place& place) {
        auto [at, is_new] = functions_.try_emplace({unit.patched, place.file});
        if (is_new)
            at->second = functions_in(*unit.patched, place.file);
        for (const auto& [name, function] : at->second)
            if (place.offset >= function.begin && place.offset < function.end)
                return name;
        return "";
    }

    bool is_chosen(const std::string& file, const std::string& function) const {
        return request_.chosen.empty() || std::ranges::any_of(request_.chosen, [&](const Caller& caller) {
                   return caller.file == file && (caller.function.empty() || caller.function == function);
               });
    }

    static std::set<std::string> called(const Home& home) {
        std::set<std::string> names;
        for (const auto& [file, some] : home.users)
            names.insert(some.begin(), some.end());
        return names;
    }

    static std::set<std::string> with_callees(const Home& home, std::set<std::string> names) {
        std::vector<std::string> to_do(names.begin(), names.end());
        while (!to_do.empty()) {
            const std::string name = to_do.back();
            to_do.pop_back();
            for (const std::string& callee : home.functions.at(name).callees)
                if (home.names.contains(callee) && names.insert(callee).second)
                    to_do.push_back(callee);
        }
        return names;
    }

    // The old function, and the new one behind it if somebody calls that.
    void place(Home& home, const std::string& name, bool is_needed) {
        const Function& function = home.functions.at(name);
        const bool is_changed_itself = is_changed(function, request_.texts.at(home.file), {});
        const clang::FunctionDecl* before = definition_of(*home.unit->original, name);
        const clang::FunctionDecl* after = definition_of(*home.unit->patched, name);
        const Place at_name = home.unit->patched->place_of(after->getLocation());
        const std::string_view text = request_.texts.at(home.file).text;
        const std::optional<std::string> old_text =
            before ? home.unit->original->text_of(before->getSourceRange()) : std::nullopt;
        const bool is_macro = !text.substr(at_name.offset).starts_with(name) || (before && !old_text);
        if (!is_needed && !is_changed_itself)
            return;
        if (is_macro || (is_needed && home.unclear.contains(name))) {
            ask(home, name, "it or a call in it comes from a macro", "add a function with the new code by hand");
            return;
        }
        const std::string kept = before ? *old_text : "";
        home.marks[name].insert(at_name.offset);
        const std::string new_text = with_prefixes(
            std::string(text.substr(function.begin, function.end - function.begin)), home.marks[name], function.begin);
        const bool is_beside = is_needed && !home.is_header;
        const std::string behind = is_beside ? left_out(home, name) + "\n\n" + new_text : "";
        if (is_changed_itself)
            result_.edits[home.file].insert({function.begin, function.end - function.begin, kept + behind});
        else if (is_beside)
            result_.edits[home.file].insert({function.end, 0, behind});
        if (is_needed)
            report(home, name);
        else if (is_changed_itself && before && request_.chosen.empty())
            ask(home, name, "no caller that could call a new one is to be seen",
                "name the callers that the fix is for (--rewrite-callers), or change them instead");
        else if (is_changed_itself && before)
            result_.remarks.push_back(fmt::format(
                "{}() in {} is as it was: none of the callers that were named calls it.", name, relative(home.file)));
    }

    // The compiler may make other code of a function that stays as it is, now that what it calls has new functions
    // beside it; it cannot be replaced, and nobody needs it to be.
    std::string left_out(const Home& home, const std::string& name) {
        if (home.functions.at(name).is_static)
            return "";
        add_prototype(home.file, "#include <linux/livepatch_helpers.h>\n");
        return fmt::format("\n\nKLP_IGNORE_FUNCTION({});", name);
    }

    void report(Home& home, const std::string& name) {
        if (home.functions.at(name).is_static && !home.is_header)
            return;
        const std::set<std::string>& callers = home.callers[name];
        if (!callers.empty())
            result_.done.push_back(fmt::format(
                "{0}() in {1} is as it was, since {2}. {3}{0}() has the new code, and "
                "is what {4} call{5}.",
                name, relative(home.file), home.is_header ? "many units may have it in them" : "ftrace cannot hook it",
                new_name_prefix, fmt::join(callers, ", "), callers.size() == 1 ? "s" : ""));
        std::vector<std::string> others = request_.callers_in_kernel(name);
        std::erase_if(others,
                      [&](const std::string& other) { return callers.contains(other) || home.names.contains(other); });
        if (others.empty())
            return;
        const std::string who =
            fmt::format("{} call{} it as well", fmt::join(others, ", "), others.size() == 1 ? "s" : "");
        if (request_.chosen.empty())
            ask(home, name, fmt::format("{}, from sources that do not name it", who),
                "decide whether the fix works without, or name those that are to call it (--rewrite-callers)");
        else
            result_.remarks.push_back(fmt::format("{}(): {}, and go on with the old code.", name, who));
    }

    // What a file needs to know of the new functions that it calls.
    void declare(const Home& home, const std::string& file, const std::set<std::string>& names) {
        if (home.is_header) {
            std::map<size_t, std::string> in_order;
            for (const std::string& name : names) {
                const Function& function = home.functions.at(name);
                const std::string& text = request_.texts.at(home.file).text;
                in_order[function.begin] = with_prefixes(text.substr(function.begin, function.end - function.begin),
                                                         home.marks.at(name), function.begin);
            }
            for (const auto& [offset, text] : in_order) {
                std::string& all = result_.functions[file];
                all += (all.empty() ? "" : "\n") + text + "\n";
            }
            return;
        }
        for (const std::string& name : names)
            if (!home.functions.at(name).is_static)
                for (const std::string& where : {file, home.file})
                    add_prototype(where, prototype(home, name));
    }

    void add_prototype(const std::string& file, const std::string& prototype) {
        std::string& all = result_.prototypes[file];
        if (all.find(prototype) == std::string::npos)
            all += prototype;
    }

    std::string prototype(const Home& home, const std::string& name) const {
        const clang::FunctionDecl* function = definition_of(*home.unit->patched, name);
        const Function& place = home.functions.at(name);
        const size_t body = home.unit->patched->place_of(function->getBody()->getBeginLoc()).offset;
        const size_t at_name = home.unit->patched->place_of(function->getLocation()).offset;
        std::string head = with_prefixes(request_.texts.at(home.file).text.substr(place.begin, body - place.begin),
                                         {at_name}, place.begin);
        head.resize(head.find_last_not_of(" \t\n") + 1);
        return head + ";\n";
    }

    std::string relative(const std::string& file) const {
        return file.starts_with(request_.patched_root + "/") ? file.substr(request_.patched_root.size() + 1) : file;
    }

    void ask(const Home& home, const std::string& name, const std::string& what, const std::string& to_do) {
        result_.questions.push_back(
            {"rewrite.caller", report::Severity::error, relative(home.file), name,
             fmt::format("{}; {}", home.is_header ? "it is an inline function of a header" : "ftrace cannot hook it",
                         what),
             to_do});
    }

    const CallerRequest& request_;
    std::map<std::pair<const ParsedUnit*, std::string>, std::map<std::string, Function>> functions_;
    std::set<std::pair<std::string, std::string>> busy_; // files and functions that call what is new
    NewCallees result_;
};

} // namespace

NewCallees redirect_callers(const CallerRequest& request) {
    return Redirection(request).run();
}

} // namespace klp::rewrite
