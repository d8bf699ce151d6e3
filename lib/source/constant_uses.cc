#include "source/constant_uses.h"

#include "source/tokens.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace klp::source {

namespace {

constexpr std::array<std::string_view, 4> stores = {"=", "|=", "^=", "+="};
constexpr std::array<std::string_view, 4> tests = {"==", "!=", "&", "&="};

bool is_one_of(std::string_view word, const auto& words) {
    return std::ranges::find(words, word) != words.end();
}

// The words of a text's code: neither directives nor comments.
class Words {
public:
    explicit Words(std::string_view text) {
        for (const Token& token : tokens_of(text))
            if (token.kind != Token::Kind::comment && !token.is_in_directive) {
                words_.push_back(spelling(text, token));
                is_name_.push_back(token.kind == Token::Kind::identifier);
            }
        find_variables();
    }

    size_t size() const { return words_.size(); }
    std::string_view operator[](size_t at) const { return at < size() ? std::string_view(words_[at]) : ""; }
    bool is_name(size_t at) const { return at < size() && is_name_[at]; }
    // "m" of "x->m": the word is a member's name.
    bool is_member(size_t at) const {
        return at > 0 && is_name(at) && ((*this)[at - 1] == "->" || (*this)[at - 1] == ".");
    }
    // One that the text defines as `static TYPE name;`, outside of functions or in one: it lives as long as the kernel.
    bool is_static(size_t at) const { return is_name(at) && !is_member(at) && statics_.contains(words_[at]); }
    // `&` between two operands, not before one.
    bool is_binary(size_t at) const {
        return at > 0 && (is_name(at - 1) || (*this)[at - 1] == ")" || (*this)[at - 1] == "]");
    }

private:
    void find_variables() {
        for (size_t at = 0; at < words_.size(); ++at) {
            if (words_[at] != "static")
                continue;
            size_t end = at + 1;
            while (is_name(end) || (*this)[end] == "*")
                ++end;
            const bool is_constant =
                std::find(words_.begin() + static_cast<ptrdiff_t>(at), words_.begin() + static_cast<ptrdiff_t>(end),
                          "const") != words_.begin() + static_cast<ptrdiff_t>(end);
            if (!is_constant && ((*this)[end] == ";" || (*this)[end] == "=") && is_name(end - 1))
                statics_.insert(words_[end - 1]);
        }
    }

    std::vector<std::string> words_;
    std::vector<bool> is_name_;
    std::set<std::string> statics_;
};

bool opens(std::string_view word) {
    return word == "(" || word == "[" || word == "{";
}
bool closes(std::string_view word) {
    return word == ")" || word == "]" || word == "}";
}
bool ends_operand(std::string_view word) {
    constexpr std::array<std::string_view, 7> all = {"&&", "||", ";", ",", "?", ":", "return"};
    return is_one_of(word, all);
}

class Search {
public:
    Search(std::string_view text, std::string_view name, ConstantUses& uses) : words_(text), name_(name), uses_(uses) {}

    void run() {
        for (size_t at = 0; at < words_.size(); ++at) {
            follow_switches(at);
            if (words_[at] == name_ && words_.is_name(at) && !words_.is_member(at))
                look_at(at);
        }
    }

private:
    // The bracket that belongs to the one at `at`.
    size_t opening(size_t at) const {
        for (size_t depth = 0;; --at) {
            depth += closes(words_[at]);
            depth -= opens(words_[at]);
            if (depth == 0 || at == 0)
                return at;
        }
    }
    size_t closing(size_t at) const {
        for (size_t depth = 0; at < words_.size(); ++at) {
            depth += opens(words_[at]);
            depth -= closes(words_[at]);
            if (depth == 0)
                break;
        }
        return at;
    }

    // The last member of a chain: "c" of "a->b.c". A designated initialiser's counts as well. Else a static variable.
    std::string member_in(size_t begin, size_t end) const {
        for (size_t at = std::min(end, words_.size()); at > begin; --at)
            if (words_.is_member(at - 1))
                return std::string(words_[at - 1]);
        for (size_t at = std::min(end, words_.size()); at > begin; --at)
            if (words_.is_static(at - 1))
                return std::string(words_[at - 1]);
        return {};
    }

    // The operand that ends before `end`, and the one that begins at `begin`.
    std::string member_before(size_t end) const {
        size_t begin = end;
        while (begin > 0 && !ends_operand(words_[begin - 1]) && !opens(words_[begin - 1]) && words_[begin - 1] != "}")
            begin = closes(words_[begin - 1]) ? opening(begin - 1) : begin - 1;
        return member_in(begin, end);
    }
    std::string member_after(size_t begin) const {
        size_t end = begin;
        while (end < words_.size() && !ends_operand(words_[end]) && !closes(words_[end]))
            end = opens(words_[end]) ? closing(end) + 1 : end + 1;
        return member_in(begin, end);
    }

    static void add(std::set<std::string>& names, std::string member) {
        if (!member.empty())
            names.insert(std::move(member));
    }

    // From the constant outwards, one pair of brackets after the other, until something uses it.
    void look_at(size_t name) {
        if (name > 0 && words_[name - 1] == "case") {
            if (!switches_.empty())
                add(uses_.tested, switches_.back().member);
            return;
        }
        size_t begin = name, end = name + 1; // the constant with the brackets around it
        while (begin > 0 && !is_tested_behind(end)) {
            const size_t bracket = look_left(begin);
            const bool is_group = bracket != none && words_[bracket] == "(";
            if (!is_group || (bracket > 0 && words_.is_name(bracket - 1))) {
                if (is_group)
                    look_at_call(bracket);
                return;
            }
            begin = bracket;
            end = closing(bracket) + 1;
        }
    }

    // NAME == x->m
    bool is_tested_behind(size_t at) {
        if (!is_one_of(words_[at], tests) || words_[at] == "&=")
            return false;
        add(uses_.tested, member_after(at + 1));
        return true;
    }

    // To the left of `at` up to the bracket around it, which is returned if no operator before it uses the constant.
    size_t look_left(size_t at) {
        bool is_choice = false;   // behind `c ?`: what tests c does not test the constant
        bool is_argument = false; // behind a comma: nothing to do with what stands before it
        while (at > 0) {
            const size_t before = at - 1;
            const std::string_view word = words_[before];
            if (opens(word))
                return before;
            if (!is_argument && is_one_of(word, stores)) {
                add(uses_.stored, member_before(before));
                return none;
            }
            if (!is_choice && !is_argument && is_one_of(word, tests) && (word != "&" || words_.is_binary(before))) {
                add(uses_.tested, member_before(before));
                return none;
            }
            if (word == ";" || word == "&&" || word == "||" || word == "}" || word == "return")
                return none;
            is_choice |= word == "?" || word == ":";
            is_argument |= word == ",";
            at = closes(word) ? opening(before) : before;
        }
        return none;
    }

    // set_bit(NAME, &x->m) and its like: what the function does is in its name.
    // Numbers that the functions for whole bitmaps and buffers are given are lengths.
    void look_at_call(size_t bracket) {
        const std::string_view callee = words_[bracket - 1];
        const bool is_of_memory = callee.starts_with("bitmap_") || callee.starts_with("mem");
        if (is_of_memory && std::ranges::any_of(fills, [&](std::string_view fill) { return callee.ends_with(fill); }))
            add(uses_.filled, member_in(bracket, closing(bracket)));
        if (is_of_memory || callee.starts_with("offset"))
            return;
        auto says = [&](std::string_view part) { return callee.find(part) != callee.npos; };
        const bool is_store = says("set") || says("WRITE") || says("store") || says("xchg") || says("assign");
        const bool is_test = says("test") || says("clear") || says("cmpxchg");
        const std::string member = member_in(bracket, closing(bracket));
        if (is_store)
            add(uses_.stored, member);
        if (is_test)
            add(uses_.tested, member);
    }

    void follow_switches(size_t at) {
        if (words_[at] == "switch" && words_[at + 1] == "(") {
            const size_t end = closing(at + 1);
            if (words_[end + 1] == "{")
                switches_.push_back({member_in(at + 1, end), closing(end + 1)});
        }
        while (!switches_.empty() && at >= switches_.back().end)
            switches_.pop_back();
    }

    static constexpr size_t none = SIZE_MAX;
    static constexpr std::string_view fills[] = {"set", "clear", "fill", "zero", "copy", "cpy"};

    struct Switch {
        std::string member;
        size_t end = 0;
    };

    Words words_;
    std::string_view name_;
    ConstantUses& uses_;
    std::vector<Switch> switches_;
};

} // namespace

void add_uses(std::string_view text, std::string_view name, ConstantUses& uses) {
    if (text.find(name) != text.npos)
        Search(text, name, uses).run();
}

} // namespace klp::source
