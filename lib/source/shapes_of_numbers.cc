#include "source/shapes_of_numbers.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace klp::source {

namespace {

bool is_large(std::string_view word) {
    return std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_of_bytes(std::string_view callee) {
    constexpr std::array begins{std::string_view("hton"),   std::string_view("ntoh"),   std::string_view("cpu_to_"),
                                std::string_view("be16_"),  std::string_view("be32_"),  std::string_view("be64_"),
                                std::string_view("le16_"),  std::string_view("le32_"),  std::string_view("le64_"),
                                std::string_view("swab16"), std::string_view("swab32"), std::string_view("swab64")};
    return std::ranges::any_of(begins, [&](std::string_view begin) { return callee.starts_with(begin); }) ||
           callee.find("hash") != callee.npos;
}

bool has_other_call(std::string_view shape) {
    return std::ranges::any_of(words_of(shape), [](std::string_view word) {
        return is_identifier(word) && !is_large(word) && !is_of_bytes(word);
    });
}

} // namespace

std::string shape_of_number(Words expression) {
    std::string shape;
    bool is_path = false;
    for (size_t at = 0; at < expression.size(); ++at) {
        const std::string_view word = expression[at];
        if (word == "(" || word == ")" || word == "->" || word == "." || word == "[" || word == "]")
            continue;
        const bool is_call = at + 1 < expression.size() && expression[at + 1] == "(";
        const bool is_variable = is_identifier(word) && !is_call && (!is_large(word) || word.size() == 1);
        if (is_variable && is_path)
            continue;
        shape.append(shape.empty() ? "" : " ").append(is_variable ? std::string_view("#") : word);
        is_path = is_variable;
    }
    return shape;
}

bool is_another_number(std::string_view one, std::string_view other) {
    return one != other && !has_other_call(one) && !has_other_call(other);
}

} // namespace klp::source
