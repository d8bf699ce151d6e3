#include "source/words.h"

#include <algorithm>
#include <cctype>

namespace klp::source {

namespace {

bool opens(std::string_view word) {
    return word == "(" || word == "[" || word == "{";
}

bool closes(std::string_view word) {
    return word == ")" || word == "]" || word == "}";
}

} // namespace

std::vector<std::string_view> words_of(std::string_view tokens) {
    std::vector<std::string_view> words;
    for (size_t at = 0; at < tokens.size();) {
        const size_t end = std::min(tokens.find_first_of(" \n", at), tokens.size());
        if (end > at)
            words.push_back(tokens.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

size_t count_word(std::string_view tokens, std::string_view word) {
    size_t count = 0;
    for (size_t at = tokens.find(word); at != std::string_view::npos; at = tokens.find(word, at + 1))
        count += at > 0 && tokens[at - 1] == ' ' && at + word.size() < tokens.size() && tokens[at + word.size()] == ' ';
    return count;
}

bool is_identifier(std::string_view word) {
    return !word.empty() && (word.front() == '_' || std::isalpha(static_cast<unsigned char>(word.front())));
}

std::string object_of(Words expression) {
    std::string text;
    unsigned depth = 0;
    for (std::string_view word : expression) {
        if (depth == 0 && (word == "," || word == ")"))
            break;
        depth += word == "(" || word == "[";
        depth -= (word == ")" || word == "]") && depth > 0;
        if (depth > 0 || word == "]" || word == ")")
            continue;
        if (word == "->" || word == ".")
            text += '.';
        else if (is_identifier(word))
            text += word;
    }
    const size_t member = text.find('.');
    return member == std::string::npos ? text : "->" + text.substr(member + 1);
}

std::string pointer_of(Words expression) {
    // A cast in front.
    if (expression.size() > 3 && expression[0] == "(" && is_identifier(expression[1])) {
        size_t end = 1;
        while (end < expression.size() && (is_identifier(expression[end]) || expression[end] == "*"))
            ++end;
        if (end + 1 < expression.size() && expression[end] == ")")
            return pointer_of(expression.subspan(end + 1));
    }
    const bool is_read = expression.size() > 3 && expression[1] == "(" &&
                         (expression[0].starts_with("rcu_") || expression[0] == "READ_ONCE" ||
                          expression[0] == "unrcu_pointer" || expression[0].ends_with("_dereference"));
    if (const auto arguments = is_read ? arguments_of(expression, 1) : std::nullopt; arguments && !arguments->empty())
        return pointer_of(arguments->front());
    return object_of(expression);
}

std::optional<std::vector<Words>> arguments_of(Words words, size_t bracket) {
    std::vector<Words> arguments;
    size_t depth = 0, begin = bracket + 1;
    for (size_t at = bracket; at < words.size(); ++at) {
        if (depth == 1 && (words[at] == "," || words[at] == ")")) {
            if (at > begin)
                arguments.push_back(words.subspan(begin, at - begin));
            begin = at + 1;
        }
        depth += opens(words[at]);
        depth -= closes(words[at]);
        if (depth == 0)
            return arguments;
    }
    return std::nullopt;
}

Words call_at(Words words, size_t at) {
    size_t depth = 0, end = at + 1;
    for (; end < words.size(); ++end) {
        depth += opens(words[end]);
        depth -= closes(words[end]);
        if (depth == 0)
            return words.subspan(at, end + 1 - at);
    }
    return words.subspan(at);
}

Words expression_at(Words words, size_t begin) {
    size_t depth = 0, end = begin;
    for (; end < words.size(); ++end) {
        if (depth == 0 && (words[end] == ";" || words[end] == "," || closes(words[end])))
            break;
        depth += opens(words[end]);
        depth -= closes(words[end]);
    }
    return words.subspan(begin, end - begin);
}

std::string joined(Words words) {
    std::string text;
    for (std::string_view word : words)
        text += (text.empty() ? "" : " ") + std::string(word);
    return text;
}

std::string written(Words words) {
    std::string text;
    std::string_view last;
    bool is_operand_behind = false; // what stands before the last word ends an operand, so `*` and `&` are binary
    for (std::string_view word : words) {
        const bool is_unary =
            (last == "*" || last == "&" || last == "!" || last == "~" || last == "-") && !is_operand_behind;
        const bool is_call = word == "(" && is_identifier(last) && last != "return" && last != "if";
        const bool sticks = text.empty() || word == "->" || word == "." || word == ")" || word == "]" || word == "," ||
                            word == ";" || word == "[" || is_call || last == "->" || last == "." || last == "(" ||
                            last == "[" || is_unary;
        if (!sticks)
            text += ' ';
        text += word;
        is_operand_behind = is_identifier(last) || closes(last) ||
                            (!last.empty() && std::isdigit(static_cast<unsigned char>(last.front())));
        last = word;
    }
    return text;
}

} // namespace klp::source
