#include "source/call_graph.h"

#include <algorithm>
#include <iterator>

namespace klp::source {

CallGraph::CallGraph(const FunctionWords& functions, const std::string& rest) {
    for (const auto& [name, words] : functions) {
        const auto body = std::ranges::find(words, std::string_view("{"));
        if (!is_declared(words, "static"))
            open_.insert(name);
        for (auto at = body; at != words.end(); ++at) {
            const auto named = functions.find(*at);
            if (named == functions.end() || named->first == name)
                continue;
            if (at + 1 != words.end() && *(at + 1) == "(") {
                calls_[name].insert(named->first);
                callers_[named->first].insert(name);
            } else {
                open_.insert(named->first);
            }
        }
    }
    const std::vector<std::string_view> outside = words_of(rest);
    for (size_t at = 0; at < outside.size(); ++at)
        if (const auto named = functions.find(outside[at]);
            named != functions.end() && (at + 1 == outside.size() || outside[at + 1] != "("))
            open_.insert(named->first);
}

const std::set<std::string_view>& CallGraph::calls_of(std::string_view function) const {
    static const Names none;
    const auto found = calls_.find(function);
    return found == calls_.end() ? none : found->second;
}

bool CallGraph::is_call_between(std::string_view one, std::string_view other) const {
    return calls_of(one).contains(other) || calls_of(other).contains(one);
}

std::set<std::string_view> CallGraph::callers_of_both(std::string_view one, std::string_view other) const {
    Names both;
    if (const auto callers = callers_.find(one); callers != callers_.end())
        std::ranges::copy_if(callers->second, std::inserter(both, both.end()),
                             [&](std::string_view caller) { return calls_of(caller).contains(other); });
    return both;
}

bool CallGraph::runs_only_in(std::string_view function, std::string_view other) const {
    Names seen;
    return runs_only_in(function, other, seen);
}

bool CallGraph::runs_only_in(std::string_view function, std::string_view other, Names& seen) const {
    if (function == other || !seen.insert(function).second)
        return true;
    const auto callers = callers_.find(function);
    return !open_.contains(function) && callers != callers_.end() &&
           std::ranges::all_of(callers->second,
                               [&](std::string_view caller) { return runs_only_in(caller, other, seen); });
}

} // namespace klp::source
