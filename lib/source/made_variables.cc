// The variables that lead to what a function makes or fills in for the first time.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

bool is_path(std::string_view word) {
    return word == "->" || word == ".";
}

// By its name a function that is called once for each object: what hands its private data out there has just made it.
bool is_called_once(std::string_view function) {
    constexpr std::array ends{std::string_view("_init"), std::string_view("_create"), std::string_view("_probe"),
                              std::string_view("_alloc"), std::string_view("_setup")};
    return std::ranges::any_of(ends, [&](std::string_view end) { return function.ends_with(end); });
}

// `v = f(x, ...)` at the `=`: the arguments of the call, if that is what the value is.
std::optional<std::vector<Words>> call_assigned(Words words, size_t at) {
    if (at + 3 >= words.size() || !is_identifier(words[at + 1]) || words[at + 2] != "(")
        return std::nullopt;
    return arguments_of(words, at + 2);
}

} // namespace

MadeVariables made_variables(std::string_view function, Words words) {
    MadeVariables made;
    for (const MadeObject& object : made_objects(words))
        made.emplace(object.variable, object.type);
    const bool is_once = is_called_once(function);
    Pointers pointers;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        pointers.read(words, at);
        if (at < 2 || words[at] != "=" || is_path(words[at - 2]) || pointers.type_of(words[at - 1]).empty())
            continue;
        const auto arguments = call_assigned(words, at);
        if (!arguments || arguments->empty())
            continue;
        // po = pkt_sk(sk), priv = netdev_priv(dev): another view of it
        const Words first = arguments->front();
        const bool is_view = first.size() == 1 && made.contains(first[0]);
        if (is_view || (is_once && words[at + 1].ends_with("_priv")))
            made.emplace(words[at - 1], pointers.type_of(words[at - 1]));
    }
    return made;
}

bool is_declared(Words function, std::string_view word) {
    const auto body = std::ranges::find(function, std::string_view("{"));
    return std::find(function.begin(), body, word) != body;
}

std::vector<std::string_view> with_own_helpers(const FunctionWords& here, const FunctionWords& there,
                                               const std::string& function) {
    std::vector<std::string_view> words = here.at(function);
    std::set<std::string_view> seen{function};
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const auto helper = words[at + 1] == "(" ? here.find(words[at]) : here.end();
        if (helper != here.end() && !there.contains(helper->first) && seen.insert(helper->first).second)
            words.insert(words.end(), helper->second.begin(), helper->second.end());
    }
    return words;
}

} // namespace klp::source
