#include "source/lock_instances.h"

#include "source/primitives.h"
#include "source/words.h"

#include <algorithm>
#include <map>
#include <vector>

namespace klp::source {

namespace {

// `if (a > b)`, of two variables or paths: "b < a". The text behind `if (`, and which side is the lesser.
struct Condition {
    std::string one, other;
    bool operator==(const Condition&) const = default;
};

std::vector<Condition> conditions_of(Words words) {
    std::vector<Condition> conditions;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const auto arguments = words[at] == "if" && words[at + 1] == "(" ? arguments_of(words, at + 1) : std::nullopt;
        if (!arguments || arguments->size() != 1)
            continue;
        const Words condition = arguments->front();
        const auto sign = std::ranges::find_if(condition, [](std::string_view word) {
            return word == "<" || word == ">" || word == "<=" || word == ">=";
        });
        const bool is_plain = sign != condition.end() && std::ranges::none_of(condition, [](std::string_view word) {
                                  return word == "&&" || word == "||";
                              });
        if (!is_plain)
            continue;
        const auto side = static_cast<size_t>(sign - condition.begin());
        std::string left = joined(condition.first(side)), right = joined(condition.subspan(side + 1));
        const bool is_less = sign->starts_with('<');
        conditions.push_back({is_less ? left : right, is_less ? right : left});
    }
    return conditions;
}

// The locks of one kind that it takes, more than one, with what each is given.
std::vector<std::string> taken(Words words, const std::string& what) {
    std::vector<std::string> all;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        if (words[at + 1] != "(")
            continue;
        const auto uses = primitive_uses("{ " + joined(call_at(words, at)));
        if (uses.empty() || uses.front().spelling != words[at] || uses.front().does != PrimitiveUse::Does::locks ||
            uses.front().what != what)
            continue;
        if (const auto arguments = arguments_of(words, at + 1); arguments && !arguments->empty())
            all.push_back(joined(arguments->front()));
    }
    return all;
}

std::string taken_twice(std::string_view tokens) {
    std::map<std::string, int> counts;
    for (const PrimitiveUse& use : primitive_uses(tokens))
        if (use.does == PrimitiveUse::Does::locks && ++counts[use.what] == 2)
            return use.what;
    return {};
}

} // namespace

std::string taken_the_other_way(std::string_view before, std::string_view after) {
    const std::string what = taken_twice(before);
    if (what.empty() || taken_twice(after) != what)
        return {};
    const std::vector<std::string_view> old_words = words_of(before), new_words = words_of(after);
    const auto was = conditions_of(old_words), is = conditions_of(new_words);
    const auto locked = taken(old_words, what), locks = taken(new_words, what);
    // Two orders, each by a condition of its own, are beyond what is compared here.
    if (was.size() != is.size() || locked.size() != locks.size())
        return {};
    size_t turned = 0;
    for (size_t at = 0; at < was.size(); ++at) {
        if (was[at] == is[at])
            continue;
        if (was[at].one != is[at].other || was[at].other != is[at].one)
            return {};
        ++turned;
    }
    const bool is_exchanged = locked != locks && std::equal(locked.begin(), locked.end(), locks.rbegin());
    if (locked != locks && !is_exchanged)
        return {};
    return (turned == 1) != is_exchanged && turned <= 1 ? what : std::string();
}

} // namespace klp::source
