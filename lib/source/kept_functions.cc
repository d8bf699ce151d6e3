#include "source/kept_functions.h"

#include "source/words.h"

#include <set>
#include <string_view>
#include <vector>

namespace klp::source {

namespace {

// The macros that only one side has, or that the two define in two ways.
std::set<std::string_view> changed_macros(const FunctionTexts& before, const FunctionTexts& after) {
    const auto lines_of = [](const FunctionTexts& texts) {
        const std::vector<std::string_view> lines = macro_definitions(texts.rest);
        return std::set<std::string_view>(lines.begin(), lines.end());
    };
    const std::set<std::string_view> was = lines_of(before), is = lines_of(after);
    std::set<std::string_view> names;
    const auto add = [&](const std::set<std::string_view>& lines, const std::set<std::string_view>& others) {
        for (std::string_view line : lines)
            if (const std::vector<std::string_view> words = words_of(line); !others.contains(line) && words.size() > 2)
                names.insert(words[2]);
    };
    add(was, is);
    add(is, was);
    return names;
}

} // namespace

bool does_the_same(const FunctionTexts& before, const FunctionTexts& after, const std::string& function) {
    const std::set<std::string_view> macros = changed_macros(before, after);
    std::set<std::string_view> seen{function};
    std::vector<std::string_view> open{function};
    while (!open.empty()) {
        const auto was = before.functions.find(open.back()), is = after.functions.find(open.back());
        open.pop_back();
        if (was == before.functions.end() || is == after.functions.end() || was->second != is->second)
            return false;
        for (std::string_view word : words_of(is->second)) {
            if (macros.contains(word))
                return false;
            const bool is_function = before.functions.contains(word) || after.functions.contains(word);
            if (is_function && seen.insert(word).second)
                open.push_back(word);
        }
    }
    return true;
}

} // namespace klp::source
