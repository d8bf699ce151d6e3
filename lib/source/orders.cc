// Where entries of sorted trees are looked for.
#include "source/object_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

bool is_side(std::string_view word) {
    return word == "rb_left" || word == "rb_right";
}

// "b < a" of `a > b`.
std::string condition_of(Words condition) {
    const auto is = [](std::string_view word, std::string_view one, std::string_view other) {
        return word == one || word == other;
    };
    const auto sign = std::ranges::find_if(condition, [&](std::string_view word) { return is(word, ">", ">="); });
    const bool is_one = sign != condition.end() && std::ranges::none_of(condition, [&](std::string_view word) {
                            return is(word, "&&", "||") || is(word, "?", ",");
                        });
    if (!is_one)
        return joined(condition);
    const auto at = static_cast<size_t>(sign - condition.begin());
    return joined(condition.subspan(at + 1)) + (*sign == ">" ? " < " : " <= ") + joined(condition.first(at));
}

// Each way that a walk down a tree takes, with the condition for it: "left if key < node -> key".
std::multiset<std::string> ways_of(Words words) {
    std::multiset<std::string> ways;
    std::string condition;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        if (words[at] == "if" && words[at + 1] == "(") {
            const auto arguments = arguments_of(words, at + 1);
            condition.clear();
            for (const Words& part : arguments.value_or(std::vector<Words>()))
                condition += condition_of(part);
        } else if (words[at] == "else") {
            condition = "else";
        } else if (is_side(words[at]) && !condition.empty()) {
            ways.insert(fmt::format("{} if {}", words[at], condition));
        }
    }
    return ways;
}

// What a function that compares says, whatever it is written with: `if (a < b) return -1;` as `return a < b ? -1 :
// ...`.
std::string comparison_of(Words words) {
    constexpr std::array notation{std::string_view("return"), std::string_view("if"), std::string_view("else"),
                                  std::string_view("("),      std::string_view(")"),  std::string_view("?"),
                                  std::string_view(":"),      std::string_view(";"),  std::string_view("+")};
    std::string text;
    bool is_body = false;
    for (std::string_view word : words) {
        is_body |= word == "{";
        if (is_body && std::ranges::find(notation, word) == notation.end())
            text.append(word).append(" ");
    }
    return text;
}

bool is_comparator(std::string_view name) {
    return name.find("cmp") != name.npos || name.find("compare") != name.npos || name.find("less") != name.npos;
}

// It walks down a tree, or has the tree's own functions do so (include/linux/rbtree.h).
bool walks_tree(Words words) {
    return (std::ranges::find(words, "rb_left") != words.end() &&
            std::ranges::find(words, "rb_right") != words.end()) ||
           std::ranges::any_of(
               words, [](std::string_view word) { return word.starts_with("rb_add") || word.starts_with("rb_find"); });
}

} // namespace

std::vector<ObjectChange> compare_orders(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        const Words was = texts.before.at(function), is = texts.after.at(function);
        const auto before = ways_of(was), after = ways_of(is);
        if (before != after && before.size() == after.size())
            found.push_back({ObjectChange::Kind::order, function, function, {}, {}, {}});
        if (!is_comparator(function) || comparison_of(was) == comparison_of(is))
            continue;
        for (const auto& [walker, words] : texts.before)
            if (std::ranges::find(words, function) != words.end() && walks_tree(words)) {
                found.push_back({ObjectChange::Kind::order, function, walker, {}, {}, {}});
                break;
            }
    }
    return found;
}

} // namespace klp::source
