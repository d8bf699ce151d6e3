#include "source/rust_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace klp::source {

namespace {

using Names = std::set<std::string, std::less<>>;

bool is_of_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Words and single signs. Words of comments and strings are among them: one name too many does no harm.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> tokens;
    for (size_t at = 0; at < text.size();) {
        size_t end = at + 1;
        if (is_of_word(text[at]))
            while (end < text.size() && is_of_word(text[end]))
                ++end;
        if (!std::isspace(static_cast<unsigned char>(text[at])))
            tokens.push_back(text.substr(at, end - at));
        at = end;
    }
    return tokens;
}

bool is_bound_module(std::string_view word) {
    constexpr std::array<std::string_view, 2> modules = {"bindings", "uapi"};
    return std::ranges::find(modules, word) != modules.end();
}

void add_words(const std::vector<std::string_view>& tokens, size_t begin, size_t end, Names& names) {
    for (size_t i = begin; i < end; ++i)
        if (is_of_word(tokens[i].front()))
            names.emplace(tokens[i]);
}

// Behind the brace that closes the one at `open`.
size_t end_of_group(const std::vector<std::string_view>& tokens, size_t open) {
    size_t depth = 0;
    for (size_t i = open; i < tokens.size(); ++i) {
        depth += tokens[i] == "{" ? 1 : 0;
        depth -= tokens[i] == "}" ? 1 : 0;
        if (depth == 0)
            return i + 1;
    }
    return tokens.size();
}

} // namespace

void add_bound_names(std::string_view text, Names& names) {
    const std::vector<std::string_view> tokens = split(text);
    for (size_t i = 0; i + 3 < tokens.size(); ++i) {
        if (!is_bound_module(tokens[i]) || tokens[i + 1] != ":" || tokens[i + 2] != ":")
            continue;
        const size_t begin = i + 3;
        const size_t end = tokens[begin] == "{" ? end_of_group(tokens, begin) : begin + 1;
        const bool takes_all = std::find(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                         tokens.begin() + static_cast<std::ptrdiff_t>(end),
                                         "*") != tokens.begin() + static_cast<std::ptrdiff_t>(end);
        if (takes_all)
            return add_words(tokens, 0, tokens.size(), names);
        add_words(tokens, begin, end, names);
    }
}

void add_all_words(std::string_view text, Names& names) {
    const std::vector<std::string_view> tokens = split(text);
    add_words(tokens, 0, tokens.size(), names);
}

} // namespace klp::source
