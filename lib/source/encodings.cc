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

} // namespace

void add_encodings(std::string_view text, const std::set<std::string, std::less<>>& names, Encodings& encodings) {
    if (std::ranges::none_of(names, [&](const std::string& name) { return text.find(name) != text.npos; }))
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
