#include "source/flags.h"

#include "source/tokens.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <map>
#include <optional>

namespace klp::source {

namespace {

using Flags = std::map<std::string, uint64_t>;

// 8, 0x8, 1UL
std::optional<uint64_t> number(std::string_view word) {
    const bool is_hexadecimal = word.starts_with("0x") || word.starts_with("0X");
    if (is_hexadecimal)
        word.remove_prefix(2);
    while (!word.empty() && (word.back() == 'U' || word.back() == 'L' || word.back() == 'u' || word.back() == 'l'))
        word.remove_suffix(1);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, is_hexadecimal ? 16 : 10);
    return error == std::errc() && end == word.data() + word.size() ? std::optional(value) : std::nullopt;
}

// The bit that a macro's body names: N, 1 << N, BIT(N), in parentheses or not.
std::optional<uint64_t> bit_of(std::vector<std::string> body) {
    std::erase_if(body, [](const std::string& word) { return word == "(" || word == ")"; });
    std::optional<uint64_t> value;
    if (body.size() == 1)
        value = number(body[0]);
    else if (body.size() == 3 && body[1] == "<<" && number(body[0]) == 1)
        value = number(body[2]);
    else if (body.size() == 2 && (body[0] == "BIT" || body[0] == "BIT_ULL"))
        value = number(body[1]);
    if (value && body.size() > 1)
        value = *value < 64 ? std::optional(uint64_t{1} << *value) : std::nullopt;
    return value && std::has_single_bit(*value) ? value : std::nullopt;
}

// Of one line of the preprocessor; its words with the '#'.
void add(const std::vector<std::string>& line, Flags& flags) {
    constexpr size_t body_at = 3;
    if (line.size() > body_at && line[1] == "define")
        if (const std::optional<uint64_t> bit = bit_of({line.begin() + body_at, line.end()}))
            flags[line[2]] = *bit;
}

Flags flags_of(std::string_view text) {
    Flags flags;
    std::vector<std::string> line;
    for (const Token& token : tokens_of(text)) {
        if (token.kind == Token::Kind::comment)
            continue;
        if (token.starts_line) {
            add(line, flags);
            line.clear();
        }
        if (token.is_in_directive)
            line.push_back(spelling(text, token));
    }
    add(line, flags);
    return flags;
}

// Code counts or compares sizes with it, and does nothing else: a limit, a number of things.
bool is_only_number(std::string_view text, const std::string& name) {
    constexpr std::array<std::string_view, 11> signs = {"<", ">", "<=", ">=", "+", "-", "*", "/", "%", "[", "]"};
    std::vector<std::string> words;
    for (const Token& token : tokens_of(text))
        if (token.kind != Token::Kind::comment && !token.is_in_directive)
            words.push_back(spelling(text, token));
    const auto is_sign = [&](size_t at) {
        return at < words.size() && std::ranges::find(signs, std::string_view(words[at])) != signs.end();
    };
    bool is_used = false;
    for (size_t at = 0; at < words.size(); ++at) {
        if (words[at] != name)
            continue;
        if (!is_sign(at + 1) && (at == 0 || !is_sign(at - 1)))
            return false;
        is_used = true;
    }
    return is_used;
}

std::string_view family(std::string_view name) {
    return name.substr(0, name.find('_', 1));
}

} // namespace

std::vector<ReusedBit> reused_bits(std::string_view before_text, std::string_view after_text) {
    const Flags before = flags_of(before_text), after = flags_of(after_text);
    std::vector<ReusedBit> reused;
    for (const auto& [name, bit] : after)
        for (const auto& [old_name, old_bit] : before)
            if (old_bit == bit && !before.contains(name) && !after.contains(old_name) &&
                family(old_name) == family(name) && !is_only_number(before_text, old_name) &&
                !is_only_number(after_text, name))
                reused.push_back({name, old_name, bit});
    return reused;
}

} // namespace klp::source
