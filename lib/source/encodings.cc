#include "source/encodings.h"

#include "source/function_texts.h"
#include "source/words.h"

#include <algorithm>

namespace klp::source {

namespace {

bool is_one(std::string_view word) {
    return word == "1" || word == "1U" || word == "1UL" || word == "1ULL" || word == "1u" || word == "1ul";
}

// `p = * NAME`, `( * NAME` lead somewhere; behind an operand it is a product.
bool is_product(Words words, size_t star) {
    const std::string_view before = star > 0 ? words[star - 1] : std::string_view();
    return (is_identifier(before) && before != "return") || before == ")" || before == "]" ||
           (!before.empty() && before.front() >= '0' && before.front() <= '9');
}

// An operator stands before it somewhere: most texts need not be read as functions.
bool is_operand(std::string_view text, const std::string& name) {
    for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
        const size_t before = text.find_last_not_of(" \t", at == 0 ? 0 : at - 1);
        if (before != text.npos && std::string_view("<>*/=").find(text[before]) != std::string_view::npos)
            return true;
    }
    return false;
}

} // namespace

void add_encodings(std::string_view text, const std::set<std::string, std::less<>>& names, Encodings& encodings) {
    if (std::ranges::none_of(names, [&](const std::string& name) { return is_operand(text, name); }))
        return;
    for (const auto& [function, tokens] : split_functions(text).functions) {
        const std::vector<std::string_view> words = words_of(tokens);
        bool makes = false, takes = false;
        for (size_t at = 2; at < words.size(); ++at) {
            if (!names.contains(words[at]))
                continue;
            const std::string_view by = words[at - 1];
            makes |= (by == "<<" && !is_one(words[at - 2])) || by == "<<=" || by == "*=" ||
                     (by == "*" && is_product(words, at - 1));
            takes |= by == ">>" || by == ">>=" || by == "/" || by == "/=";
        }
        if (makes && !takes)
            encodings.makers.insert(function);
        if (takes && !makes)
            encodings.takers.insert(function);
    }
}

} // namespace klp::source
