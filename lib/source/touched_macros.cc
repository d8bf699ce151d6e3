#include "source/touched_macros.h"

#include "source/function_texts.h"
#include "source/words.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

namespace klp::source {

namespace {

// The lines `# define NAME ...`.
std::multiset<std::string, std::less<>> definitions_of(std::string_view rest) {
    std::multiset<std::string, std::less<>> lines;
    for (size_t at = 0; at < rest.size();) {
        const size_t end = std::min(rest.find('\n', at), rest.size());
        if (std::string_view line = rest.substr(at, end - at); line.starts_with("# define "))
            lines.emplace(line);
        at = end + 1;
    }
    return lines;
}

} // namespace

std::set<std::string> touched_macros(const FileChange& change) {
    std::set<std::string> names;
    if (!change.before || !change.after)
        return names;
    const FunctionTexts before = split_functions(*change.before), after = split_functions(*change.after);
    std::vector<std::string> others;
    std::ranges::set_symmetric_difference(definitions_of(before.rest), definitions_of(after.rest),
                                          std::back_inserter(others));
    for (const std::string& line : others)
        if (const std::vector<std::string_view> words = words_of(line); words.size() > 2)
            names.emplace(words[2]);
    for (const auto& [name, text] : after.functions)
        if (const auto was = before.functions.find(name); was != before.functions.end() && was->second != text)
            names.insert(name);
    return names;
}

} // namespace klp::source
