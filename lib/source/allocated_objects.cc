// The objects that a function's text makes.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// Parts of the names of functions that return something new.
constexpr std::array making{std::string_view("alloc"),     std::string_view("dup"),
                            std::string_view("clone"),     std::string_view("asprintf"),
                            std::string_view("free_page"), std::string_view("zeroed_page")};

// get_free_pages() makes, free_pages() does not return anything that could be assigned.
bool makes(std::string_view callee) {
    return is_identifier(callee) &&
           std::ranges::any_of(making, [&](std::string_view part) { return callee.find(part) != callee.npos; });
}

// Behind `( char * )`, if that is what stands at `at`.
size_t behind_cast(Words words, size_t at) {
    if (at >= words.size() || words[at] != "(")
        return at;
    size_t end = at + 1;
    while (end < words.size() && (is_identifier(words[end]) || words[end] == "*"))
        ++end;
    const bool is_cast = end < words.size() && words[end] == ")" && words[end - 1] == "*";
    return is_cast ? end + 1 : at;
}

// The function gives it back where it goes on: other than before it returns with an error.
bool is_given_back(const MadeObject& object, Words words) {
    for (size_t at = 0; at + 5 < words.size(); ++at)
        if (words[at].ends_with("free") && words[at + 1] == "(" && words[at + 2] == object.variable &&
            words[at + 3] == ")" && words[at + 5] != "return" && words[at + 5] != "goto")
            return true;
    return false;
}

} // namespace

bool may_outlive(const MadeObject& object, Words words) {
    if (object.variable.starts_with("->"))
        return true;
    if (is_given_back(object, words))
        return false;
    if (!object.type.empty())
        return true;
    for (size_t at = 1; at + 1 < words.size(); ++at)
        if (words[at] == object.variable && (words[at - 1] == "=" || words[at - 1] == "return") && words[at + 1] == ";")
            return true;
    return false;
}

std::string spelled(const MadeObject& object) {
    std::string text(object.allocator);
    text += '(';
    for (const Words& argument : object.arguments)
        text += (text.ends_with('(') ? "" : ", ") + written(argument);
    return text + ')';
}

std::vector<MadeObject> made_objects(Words words) {
    std::vector<MadeObject> made;
    Pointers pointers;
    for (size_t at = 0; at + 2 < words.size(); ++at) {
        pointers.read(words, at);
        if (words[at] != "=" || at == 0)
            continue;
        const size_t callee = behind_cast(words, at + 1);
        if (callee + 1 >= words.size() || words[callee + 1] != "(" || !makes(words[callee]))
            continue;
        std::optional<std::vector<Words>> arguments = arguments_of(words, callee + 1);
        if (!arguments)
            continue;
        size_t begin = at;
        while (begin > 0 && (is_identifier(words[begin - 1]) || words[begin - 1] == "->" || words[begin - 1] == "."))
            --begin;
        MadeObject object;
        object.variable = object_of(words.subspan(begin, at - begin));
        object.type = pointers.type_of(object.variable);
        object.allocator = words[callee];
        object.arguments = std::move(*arguments);
        made.push_back(std::move(object));
    }
    return made;
}

} // namespace klp::source
