#include "rewrite/unhookable.h"

#include <algorithm>

namespace klp::rewrite {

namespace {

bool calls_one_of(const Function& function, const std::set<std::string>& names) {
    return std::ranges::any_of(function.callees, [&](const std::string& callee) { return names.contains(callee); });
}

} // namespace

std::set<std::string> unhookable_changes(const ParsedUnit& unit, const std::string& file, const PatchedText& text,
                                         bool is_traced) {
    const std::map<std::string, Function> functions = functions_in(unit, file);
    const auto is_candidate = [&](const Function& function) {
        return !function.is_init && !(is_traced && function.is_hookable);
    };
    std::set<std::string> found;
    for (const auto& [name, function] : functions)
        if (is_candidate(function) && is_changed(function, text, {}))
            found.insert(name);
    for (size_t before = 0; before != found.size();) {
        before = found.size();
        for (const auto& [name, function] : functions)
            if (is_candidate(function) && calls_one_of(function, found))
                found.insert(name);
    }
    const bool is_private =
        std::ranges::all_of(found, [&](const std::string& name) { return functions.at(name).is_static; });
    return is_traced && is_private ? std::set<std::string>() : found;
}

} // namespace klp::rewrite
