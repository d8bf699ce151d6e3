// First values that a function gives to what it makes, and others go by.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

// `c->wqh.lock` of a `struct ctx *c`.
struct TypedMember {
    std::string type; // "ctx"
    std::string path; // "->wqh.lock"
    auto operator<=>(const TypedMember&) const = default;
};

// The member that the words from `at` on lead to; no path if they begin with no pointer to a structure.
TypedMember member_at(Words words, size_t at, const Pointers& pointers) {
    if (at + 2 >= words.size() || words[at + 1] != "->" || (at > 0 && (words[at - 1] == "->" || words[at - 1] == ".")))
        return {};
    TypedMember member{pointers.type_of(words[at]), "->" + std::string(words[at + 2])};
    for (size_t next = at + 3; next + 1 < words.size() && (words[next] == "." || words[next] == "->"); next += 2)
        member.path += '.' + std::string(words[next + 1]);
    return member.type.empty() ? TypedMember{} : member;
}

// list_del_init() takes an entry out of a list that it was in.
bool is_first_value(std::string_view callee) {
    if (callee.ends_with("_del_init"))
        return false;
    return callee.starts_with("INIT_") || callee.ends_with("_init") || callee.starts_with("init_") ||
           callee == "timer_setup" || callee == "refcount_set" || callee == "atomic_set";
}

std::set<std::string, std::less<>> made_variables(Words words) {
    std::set<std::string, std::less<>> variables;
    for (const MadeObject& object : made_objects(words))
        variables.insert(object.variable);
    return variables;
}

// The members that a function gives a first value: by a call that is for nothing else and takes their address, of
// whatever object, or by an assignment to one that it has made.
std::set<TypedMember> first_values(Words words) {
    const std::set<std::string, std::less<>> made = made_variables(words);
    std::set<TypedMember> members;
    Pointers pointers;
    for (size_t at = 0; at + 4 < words.size(); ++at) {
        pointers.read(words, at);
        if (is_first_value(words[at]) && words[at + 1] == "(" && words[at + 2] == "&")
            members.insert(member_at(words, at + 3, pointers));
        if (made.contains(words[at]) && words[at + 1] == "->" && words[at + 3] == "=")
            members.insert(member_at(words, at, pointers));
    }
    members.erase(TypedMember{});
    return members;
}

size_t uses_of(const TypedMember& member, Words words) {
    size_t count = 0;
    Pointers pointers;
    for (size_t at = 0; at < words.size(); ++at) {
        pointers.read(words, at);
        const TypedMember used = member_at(words, at, pointers);
        count += used.type == member.type && (used.path == member.path || used.path.starts_with(member.path + '.'));
    }
    return count;
}

bool has_word(const FunctionTexts& texts, const std::string& word) {
    const std::string whole = " " + word + " ";
    return texts.rest.find(whole) != std::string::npos || std::ranges::any_of(texts.functions, [&](const auto& entry) {
               return entry.second.find(whole) != std::string::npos;
           });
}

// Another function of the patch that does more with a member than before.
std::string user_of(const TypedMember& member, const std::string& maker, const ObjectTexts& texts) {
    for (const std::string& function : texts.changed)
        if (function != maker && uses_of(member, texts.after.at(function)) > uses_of(member, texts.before.at(function)))
            return function;
    return {};
}

// The first values of the functions that the patch changes; one that has only moved is no news.
std::set<TypedMember> first_values_before(const ObjectTexts& texts) {
    std::set<TypedMember> all;
    for (const auto& [function, words] : texts.before)
        all.merge(first_values(words));
    return all;
}

void compare_first_values(const ObjectTexts& texts, std::vector<ObjectChange>& found) {
    std::map<std::string, std::set<TypedMember>> after;
    for (const std::string& function : texts.changed)
        if (std::set<TypedMember> values = first_values(texts.after.at(function)); !values.empty())
            after.emplace(function, std::move(values));
    if (after.empty())
        return;
    const std::set<TypedMember> before = first_values_before(texts);
    for (const auto& [function, members] : after)
        for (const TypedMember& member : members) {
            // A member that is new is a matter of the type.
            if (before.contains(member) ||
                !has_word(texts.text_before, member.path.substr(member.path.find_last_of(".>") + 1)))
                continue;
            if (const std::string user = user_of(member, function, texts); !user.empty())
                found.push_back({Kind::first_value, function, user, member.path, {}, {}});
        }
}

bool is_constant(std::string_view word) {
    return word.size() > 2 && std::isupper(static_cast<unsigned char>(word.front())) &&
           std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

// The constants that a function puts into members of what it makes: `p->flags |= A | B;`, set_bit(A, &p->flags).
std::set<std::string> flags_given(Words words) {
    const std::set<std::string, std::less<>> made = made_variables(words);
    std::set<std::string> flags;
    for (size_t at = 0; !made.empty() && at + 4 < words.size(); ++at) {
        if (made.contains(words[at]) && words[at + 1] == "->" && (words[at + 3] == "|=" || words[at + 3] == "="))
            for (std::string_view word : expression_at(words, at + 4))
                if (is_constant(word))
                    flags.insert(std::string(word));
        if ((words[at] == "set_bit" || words[at] == "__set_bit") && is_constant(words[at + 2]))
            flags.insert(std::string(words[at + 2]));
    }
    return flags;
}

// `x & FLAG`, `x == STATE`, test_bit(FLAG, ...)
bool tests(Words words, std::string_view constant) {
    for (size_t at = 2; at < words.size(); ++at)
        if (words[at] == constant &&
            (words[at - 1] == "&" || words[at - 1] == "==" || words[at - 1] == "!=" || words[at - 2] == "test_bit"))
            return true;
    return false;
}

void compare_flags(const ObjectTexts& texts, std::vector<ObjectChange>& found) {
    for (const std::string& function : texts.changed)
        for (const std::string& flag : flags_given(texts.after.at(function))) {
            if (has_word(texts.text_before, flag))
                continue;
            const auto other = std::ranges::find_if(texts.changed, [&](const std::string& it) {
                return it != function && tests(texts.after.at(it), flag);
            });
            if (other != texts.changed.end())
                found.push_back({Kind::flag, function, *other, {}, {}, flag});
        }
}

} // namespace

std::vector<ObjectChange> compare_first(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    compare_first_values(texts, found);
    compare_flags(texts, found);
    return found;
}

} // namespace klp::source
