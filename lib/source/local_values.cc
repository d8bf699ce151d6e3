#include "source/local_values.h"

#include <algorithm>
#include <set>

namespace klp::source {

namespace {

bool is_access(std::string_view word) {
    return word == "->" || word == ".";
}

// `v += x`, `v++`, `++v`, `&v`: it has, or may get, a value that no `v = x` shows.
bool is_changed_otherwise(Words words, size_t at) {
    const std::string_view before = at > 0 ? words[at - 1] : "", after = at + 1 < words.size() ? words[at + 1] : "";
    const bool is_stepped = before == "++" || before == "--" || after == "++" || after == "--";
    const bool is_updated =
        after.size() > 1 && after.ends_with('=') && after != "==" && after != "!=" && after != "<=" && after != ">=";
    // `a & v` is no address.
    const bool is_pointed_to = before == "&" && at > 1 && !is_identifier(words[at - 2]) && words[at - 2] != ")" &&
                               words[at - 2] != "]" && !is_access(after);
    return is_stepped || is_updated || is_pointed_to;
}

void replace(Words expression, const std::map<std::string_view, Words>& values, unsigned depth,
             std::vector<std::string_view>& result) {
    constexpr unsigned most = 4; // variables that stand for one another in a circle have no values, but be sure
    for (size_t at = 0; at < expression.size(); ++at) {
        const auto value = values.find(expression[at]);
        // `p` of `p->member` and of `*p` only leads to what is meant.
        const bool is_pointed_to = at > 0 && expression[at - 1] == "*" &&
                                   (at == 1 || expression[at - 2] == "(" || expression[at - 2] == "sizeof");
        const bool is_path = is_pointed_to || (at > 0 && is_access(expression[at - 1])) ||
                             (at + 1 < expression.size() && is_access(expression[at + 1]));
        if (value == values.end() || is_path || depth == most)
            result.push_back(expression[at]);
        else
            replace(value->second, values, depth + 1, result);
    }
}

} // namespace

LocalValues::LocalValues(Words words) {
    std::set<std::string_view> unclear;
    const auto body = std::ranges::find(words, "{");
    // A parameter has a value before it is given one.
    for (auto word = words.begin(); word != body; ++word)
        if (is_identifier(*word))
            unclear.insert(*word);
    for (size_t at = static_cast<size_t>(body - words.begin()); at + 1 < words.size(); ++at) {
        if (!is_identifier(words[at]) || is_access(words[at - 1]))
            continue;
        if (is_changed_otherwise(words, at))
            unclear.insert(words[at]);
        if (words[at + 1] != "=")
            continue;
        const Words value = expression_at(words, at + 2);
        const bool is_itself = std::ranges::find(value, words[at]) != value.end();
        if (is_itself || value.empty() || !values_.emplace(words[at], value).second)
            unclear.insert(words[at]);
    }
    for (std::string_view variable : unclear)
        values_.erase(variable);
}

std::vector<std::string_view> LocalValues::resolved(Words expression) const {
    std::vector<std::string_view> result;
    replace(expression, values_, 0, result);
    return result;
}

} // namespace klp::source
