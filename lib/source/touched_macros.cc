#include "source/touched_macros.h"

#include "source/function_texts.h"
#include "source/words.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

namespace klp::source {

std::set<std::string> touched_macros(const FileChange& change) {
    std::set<std::string> names;
    if (!change.before || !change.after)
        return names;
    const FunctionTexts before = split_functions(*change.before), after = split_functions(*change.after);
    std::vector<std::string_view> was = macro_definitions(before.rest), is = macro_definitions(after.rest), others;
    std::ranges::sort(was);
    std::ranges::sort(is);
    std::ranges::set_symmetric_difference(was, is, std::back_inserter(others));
    for (std::string_view line : others)
        if (const std::vector<std::string_view> words = words_of(line); words.size() > 2)
            names.emplace(words[2]);
    for (const auto& [name, text] : after.functions)
        if (const auto old = before.functions.find(name); old != before.functions.end() && old->second != text)
            names.insert(name);
    return names;
}

} // namespace klp::source
