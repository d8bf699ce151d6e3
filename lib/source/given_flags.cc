// Marks that a function gives to what it makes, and others go by.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

bool is_constant(std::string_view word) {
    return word.size() > 2 && std::isupper(static_cast<unsigned char>(word.front())) &&
           std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

// `( struct ctx ) {`: the brace at `at` opens a value, not a block.
bool opens_value(Words words, size_t at) {
    if (at == 0 || words[at - 1] != ")")
        return at > 0 && words[at - 1] == "=";
    size_t begin = at - 1;
    while (begin > 0 && words[begin] != "(")
        --begin;
    return words[begin + 1] == "struct" || words[begin + 1] == "union";
}

// Of a condition or loop; what it does if that is true is a statement of its own.
bool is_control(std::string_view word) {
    return word == "if" || word == "while" || word == "for" || word == "switch" || word == "return";
}

// Where the statement around `at` begins: behind `if (...)`, but where `at` is within those brackets.
size_t statement_begin(Words words, size_t at) {
    size_t begin = at;
    for (; begin > 0; --begin) {
        const std::string_view word = words[begin - 1];
        if (word == ";" || word == "}" || (word == "{" && !opens_value(words, begin - 1)))
            break;
    }
    while (begin + 1 < at && is_control(words[begin]) && words[begin + 1] == "(") {
        size_t end = begin + 1, depth = 0;
        for (; end < at; ++end) {
            depth += words[end] == "(";
            depth -= words[end] == ")";
            if (depth == 0)
                break;
        }
        if (end >= at)
            break;
        begin = end + 1;
    }
    return begin;
}

// The constants in statements that are about what the function makes: `p->flags |= A | B;`, set_bit(A, &p->flags),
// set_flag(p, A). What is kept beside the object is not in it, nor how its end is asked for.
std::set<std::string> flags_given(const MadeVariables& made, Words words) {
    std::set<std::string> flags;
    for (size_t at = 0; !made.empty() && at < words.size(); ++at) {
        const bool is_call = at + 1 < words.size() && words[at + 1] == "(";
        if (!is_constant(words[at]) || words[at] == "NULL" || is_call || (at > 0 && words[at - 1] == "case"))
            continue;
        const size_t begin = statement_begin(words, at);
        const Words before = words.subspan(begin, at - begin);
        const bool is_about = std::ranges::any_of(before, [&](std::string_view word) { return made.contains(word); });
        const bool is_beside = std::ranges::any_of(before, [](std::string_view word) {
            return word.starts_with("klp_shadow") || word.find("free") != word.npos ||
                   word.find("release") != word.npos || word.find("destroy") != word.npos;
        });
        // set_bit(A, &p->flags) names the object behind it.
        const bool is_bit = before.size() >= 2 && before[before.size() - 2].ends_with("set_bit");
        if ((is_about || is_bit) && !is_beside && !before.empty() && !is_control(before.front()))
            flags.emplace(words[at]);
    }
    return flags;
}

// `x & FLAG`, `x == STATE`, test_bit(FLAG, ...), has_flag(x, FLAG); nothing that sets it.
bool tests(Words words, std::string_view constant) {
    constexpr std::array changing{std::string_view("set"), std::string_view("clear"), std::string_view("assign"),
                                  std::string_view("store"), std::string_view("WRITE")};
    for (size_t at = 2; at < words.size(); ++at) {
        if (words[at] != constant)
            continue;
        if (words[at - 1] == "&" || words[at - 1] == "==" || words[at - 1] == "!=" || words[at - 2] == "test_bit")
            return true;
        // The call that it is an argument of.
        size_t open = at, depth = 0;
        while (open > 0 && (words[open] != "(" || depth > 0)) {
            if (words[open] == ";" || words[open] == "{" || words[open] == "}")
                break;
            depth += words[open] == ")";
            depth -= words[open] == "(" && depth > 0;
            --open;
        }
        const std::string_view callee = words[open] == "(" && open > 0 ? words[open - 1] : std::string_view();
        if (!is_identifier(callee) || is_control(callee) || callee.find("alloc") != callee.npos)
            continue;
        if (std::ranges::none_of(changing, [&](std::string_view part) { return callee.find(part) != callee.npos; }) &&
            words[at - 1] == ",")
            return true;
    }
    return false;
}

} // namespace

std::vector<ObjectChange> compare_flags(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        const std::vector<std::string_view> words = with_own_helpers(texts.after, texts.before, function);
        for (const std::string& flag : flags_given(made_variables(function, words), words)) {
            if (has_word(texts.text_before, flag))
                continue;
            const auto other = std::ranges::find_if(texts.changed, [&](const std::string& it) {
                return it != function && tests(with_own_helpers(texts.after, texts.before, it), flag);
            });
            if (other != texts.changed.end())
                found.push_back({ObjectChange::Kind::flag, function, *other, {}, {}, flag});
        }
    }
    return found;
}

} // namespace klp::source
