#include "source/constant_sizes.h"

#include "source/function_texts.h"
#include "source/local_values.h"
#include "source/object_texts.h"
#include "source/sized_allocators.h"

#include <algorithm>

namespace klp::source {

namespace {

using Names = std::set<std::string, std::less<>>;

size_t mentions(Words words, const Names& names) {
    return static_cast<size_t>(
        std::ranges::count_if(words, [&](std::string_view word) { return names.contains(word); }));
}

// Of the directives, but for the definitions of the constants themselves.
bool is_in_macro(std::string_view rest, const Names& names) {
    for (size_t at = 0; at < rest.size();) {
        const size_t end = std::min(rest.find('\n', at), rest.size());
        const std::vector<std::string_view> words = words_of(rest.substr(at, end - at));
        if (words.size() > 3 && words[0] == "#" && words[1] == "define" && !names.contains(words[2]) &&
            mentions(words, names) != 0)
            return true;
        at = end + 1;
    }
    return false;
}

} // namespace

void add_sizes(std::string_view text, const Names& names, ConstantSizes& sizes) {
    if (std::ranges::none_of(names, [&](const std::string& name) { return text.find(name) != text.npos; }))
        return;
    const FunctionTexts texts = split_functions(text);
    sizes.is_used |= is_in_macro(texts.rest, names);
    for (const auto& [function, tokens] : texts.functions) {
        const std::vector<std::string_view> words = words_of(tokens);
        size_t others = mentions(words, names);
        if (others == 0)
            continue;
        const LocalValues values(words);
        for (const MadeObject& object : made_objects(words))
            for (const auto& size : size_arguments(object.allocator, object.arguments)) {
                others -= mentions(size, names);
                const std::vector<std::string_view> resolved = values.resolved(size);
                const auto constant =
                    std::ranges::find_if(resolved, [&](std::string_view word) { return names.contains(word); });
                if (constant != resolved.end() && may_outlive(object, words))
                    sizes.made.push_back({function, object.variable, spelled(object), std::string(*constant)});
            }
        sizes.is_used |= others != 0;
    }
}

} // namespace klp::source
