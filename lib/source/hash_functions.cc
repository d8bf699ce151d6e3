// Functions that compute a hash by arithmetic of their own.
#include "source/object_texts.h"
#include "source/shapes_of_numbers.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

bool is_arithmetic(std::string_view word) {
    constexpr std::array all{std::string_view("^"),   std::string_view(">>"),  std::string_view("<<"),
                             std::string_view("%"),   std::string_view("+"),   std::string_view("^="),
                             std::string_view(">>="), std::string_view("<<="), std::string_view("+="),
                             std::string_view("%="),  std::string_view("*=")};
    return std::ranges::find(all, word) != all.end();
}

// The name says that it computes one, and does nothing to a table.
bool is_hash_function(std::string_view name) {
    constexpr std::array ends{std::string_view("hash"), std::string_view("hashfn"), std::string_view("hash_fn"),
                              std::string_view("hash_fold"), std::string_view("hash_key")};
    return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

// `hash ^= hash >> 8`, by its shape: the statements that compute, but for conditions, and those that hand on what a
// function makes.
std::map<std::string, std::string> steps_of(Words words) {
    std::map<std::string, std::string> steps;
    const auto body = std::ranges::find(words, "{");
    size_t begin = static_cast<size_t>(body - words.begin());
    for (size_t at = begin; at < words.size(); ++at) {
        const bool is_end = words[at] == ";" || words[at] == "{" || words[at] == "}";
        if (!is_end)
            continue;
        const Words statement = words.subspan(begin, at - begin);
        begin = at + 1;
        if (statement.empty() || statement.front() == "if" || statement.front() == "while" ||
            statement.front() == "for" || std::ranges::none_of(statement, is_arithmetic))
            continue;
        steps.emplace(shape_of_number(statement), written(statement));
    }
    return steps;
}

std::pair<std::string, std::string> only_in(const std::map<std::string, std::string>& from,
                                            const std::map<std::string, std::string>& other) {
    for (const auto& step : from)
        if (!other.contains(step.first))
            return step;
    return {};
}

} // namespace

std::vector<ObjectChange> compare_hash_functions(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        if (!is_hash_function(function))
            continue;
        const auto before = steps_of(texts.before.at(function)), after = steps_of(texts.after.at(function));
        const auto was = only_in(before, after), is = only_in(after, before);
        const bool is_used = std::ranges::any_of(texts.before, [&](const auto& one) {
            return one.first != function && std::ranges::find(one.second, function) != one.second.end();
        });
        if (is_used && !was.second.empty() && !is.second.empty() && before.size() == after.size())
            found.push_back({ObjectChange::Kind::hash, function, {}, {}, was.second, is.second});
    }
    return found;
}

} // namespace klp::source
