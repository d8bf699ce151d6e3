// What untyped pointers and embedded members lead to.
#include "source/object_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// By where a pointer comes from: the types that code takes it for.
using Types = std::map<std::string, std::set<std::string>>;
using TypesOfFunctions = std::map<std::string, Types, std::less<>>;

// From a member to what it is part of: container_of(pointer, struct t, member) (include/linux/{container_of,list,
// rbtree}.h).
constexpr std::array containers{std::string_view("container_of"), std::string_view("list_entry"),
                                std::string_view("hlist_entry"), std::string_view("rb_entry")};
// Of the list's head.
constexpr std::array first_entries{std::string_view("list_first_entry"), std::string_view("list_first_entry_or_null"),
                                   std::string_view("list_last_entry")};

bool leads_to_private_data(std::string_view callee) {
    static constexpr std::array ends{std::string_view("_priv"), std::string_view("_drvdata"),
                                     std::string_view("_private"), std::string_view("_platdata"),
                                     std::string_view("_user_data")};
    static constexpr std::array tables{std::string_view("idr_find"), std::string_view("xa_load"),
                                       std::string_view("radix_tree_lookup"), std::string_view("pde_data")};
    return std::ranges::any_of(ends, [&](std::string_view end) { return callee.ends_with(end); }) ||
           std::ranges::find(tables, callee) != tables.end();
}

bool is_one_of(std::string_view word, Words names) {
    return std::ranges::find(names, word) != names.end();
}

// What a function tells of its parameters and result before its body.
struct Head {
    std::string result;                         // "ctx" of `struct ctx *f(...)`, or empty
    std::set<std::string, std::less<>> untyped; // parameters `void *p` and `unsigned long p`
    size_t end = 0;                             // where the body begins
};

Head head_of(const std::string& function, Words words) {
    Head head;
    for (; head.end + 1 < words.size() && words[head.end] != "{"; ++head.end) {
        const size_t at = head.end;
        const bool is_pointer = at > 0 && words[at] == "*";
        if (is_pointer && words[at + 1] == function && at > 1 && words[at - 2] == "struct")
            head.result = words[at - 1];
        // What a comparison is given, `const void *`, is not kept by anybody.
        const bool is_untyped = (is_pointer && words[at - 1] == "void" && (at < 2 || words[at - 2] != "const")) ||
                                (at > 0 && words[at] == "long" && words[at - 1] == "unsigned");
        const bool is_parameter =
            is_identifier(words[at + 1]) && at + 2 < words.size() && (words[at + 2] == "," || words[at + 2] == ")");
        if (is_untyped && is_parameter)
            head.untyped.emplace(words[at + 1]);
    }
    return head;
}

class Reader {
public:
    Reader(const std::string& function, Words words)
        : function_(function), words_(words), head_(head_of(function, words)) {}

    Types run() {
        for (size_t at = 0; at + 1 < words_.size(); ++at) {
            pointers_.read(words_, at);
            if (words_[at + 1] == "(")
                read_call(at);
            if (words_[at] == "=" && at > 0)
                read_assignment(at);
            // `return sk->sk_user_data;` of a `struct ctx *f(...)`
            if (words_[at] == "return" && !head_.result.empty())
                read_value(expression_at(words_, at + 1), head_.result);
        }
        return std::move(types_);
    }

private:
    void note(const std::string& source, const std::string& type) {
        if (!type.empty())
            types_[source].insert(type);
    }
    void read_call(size_t at) {
        const bool is_first = is_one_of(words_[at], first_entries);
        const bool is_loop = words_[at].starts_with("list_for_each_entry");
        if (!is_first && !is_loop && !is_one_of(words_[at], containers))
            return;
        const std::optional<std::vector<Words>> arguments = arguments_of(words_, at + 1);
        if (!arguments || arguments->size() < 3)
            return;
        if (is_loop) {
            // list_for_each_entry_safe(pos, next, head, member)
            const std::string head = object_of((*arguments)[arguments->size() - 2]);
            return note("the list " + head, pointers_.type_of(joined(arguments->front())));
        }
        const Words type = (*arguments)[1];
        const std::string name(type.back());
        if (is_first)
            note(fmt::format("the list {}", object_of(arguments->front())), name);
        else
            note(fmt::format("`{}` in {}()", object_of(arguments->front()), function_), name);
    }
    // `struct a *p = file->private_data;`, `p = netdev_priv(dev);`
    void read_assignment(size_t at) {
        const std::string& type = pointers_.type_of(words_[at - 1]);
        // `x->p = ...` stores in a member of some name.
        const bool is_variable = at < 2 || (words_[at - 2] != "->" && words_[at - 2] != ".");
        if (!type.empty() && is_variable)
            read_value(expression_at(words_, at + 1), type);
    }
    void read_value(Words value, const std::string& type) {
        if (const std::string parameter = untyped_parameter(value); !parameter.empty())
            return note(cookie_of(parameter), type);
        if (value.size() < 3)
            return;
        if (is_identifier(value[0]) && value[1] == "(" && leads_to_private_data(value[0]))
            return note(std::string(value[0]) + "(" + object_of(value.subspan(2)) + ")", type);
        const bool is_member = value[value.size() - 2] == "->" || value[value.size() - 2] == ".";
        const bool is_path = std::ranges::all_of(value, [](std::string_view word) {
            return is_identifier(word) || word == "->" || word == "." || word == "(" || word == ")";
        });
        if (is_member && is_path && value[0] != "(")
            note(object_of(value), type);
    }
    // "data" of `data` and `( struct ctx * ) data`.
    std::string untyped_parameter(Words value) const {
        if (value.size() > 3 && value[0] == "(" && value[value.size() - 3] == "*" && value[value.size() - 2] == ")")
            value = value.last(1);
        return value.size() == 1 && head_.untyped.contains(value[0]) ? std::string(value[0]) : std::string();
    }
    std::string cookie_of(const std::string& parameter) const {
        return fmt::format("its argument `{}` in {}()", parameter, function_);
    }

    std::string function_;
    Words words_;
    Head head_;
    Pointers pointers_;
    Types types_;
};

// What a callback is given, other than what something leads to that everybody can read.
bool is_cookie(std::string_view source) {
    return source.starts_with("its argument ");
}

// "data" of "its argument `data` in f()".
std::string parameter_of(const std::string& source) {
    const size_t begin = source.find('`') + 1;
    return source.substr(begin, source.find('`', begin) - begin);
}

// Somebody has its address: the name stands where nobody calls it.
bool is_given_away(const ObjectTexts& texts, const std::string& function) {
    const auto is_taken = [&](const auto& one) {
        const auto& [name, words] = one;
        for (size_t at = 0; at + 1 < words.size(); ++at)
            if (words[at] == function && words[at + 1] != "(" && name != function)
                return true;
        return false;
    };
    return count_word(texts.text_before.rest, function) != count_word(texts.text_before.rest, function + " (") ||
           std::ranges::any_of(texts.before, is_taken);
}

TypesOfFunctions read_all(const FunctionWords& functions) {
    TypesOfFunctions all;
    for (const auto& [name, words] : functions)
        all.emplace(name, Reader(name, words).run());
    return all;
}

Types united(const TypesOfFunctions& functions) {
    Types all;
    for (const auto& [name, types] : functions)
        for (const auto& [source, names] : types)
            all[source].insert(names.begin(), names.end());
    return all;
}

const std::set<std::string>& types_at(const Types& types, const std::string& source) {
    static const std::set<std::string> none;
    const auto found = types.find(source);
    return found == types.end() ? none : found->second;
}

// The first type that is in `from` only; empty if there is none.
std::string only_in(const std::set<std::string>& from, const std::set<std::string>& other) {
    for (const std::string& type : from)
        if (!other.contains(type))
            return type;
    return {};
}

} // namespace

// One type in place of another for what the same place leads to, in one function or in all. A type beside those that
// were there may be of other objects; one that is the same under another name is no change.
//
//     -	struct ctx *ctx = file->private_data;
//     +	struct ctx_file *private = file->private_data;	open files have a struct ctx there
std::vector<ObjectChange> compare_pointers(const ObjectTexts& texts) {
    const TypesOfFunctions functions_before = read_all(texts.before), functions = read_all(texts.after);
    const Types before = united(functions_before), after = united(functions);
    std::vector<ObjectChange> found;
    std::set<std::string> seen;
    for (const auto& [function, sources] : functions)
        for (const auto& [source, types] : sources) {
            const std::string is = only_in(types, types_at(before, source));
            if (is.empty() || !before.contains(source))
                continue;
            std::string was = only_in(types_at(before, source), types_at(after, source));
            if (const auto old = functions_before.find(function); was.empty() && old != functions_before.end())
                was = only_in(types_at(old->second, source), types);
            const std::string definition = definition_of(texts.text_before.rest, was);
            if (is_cookie(source) && !is_given_away(texts, function))
                continue;
            const bool is_renamed = !definition.empty() && definition == definition_of(texts.text_after.rest, is);
            if (!was.empty() && !is_renamed && seen.insert(source).second)
                found.push_back(
                    is_cookie(source)
                        ? ObjectChange{ObjectChange::Kind::cookie, function, {}, parameter_of(source), was, is}
                        : ObjectChange{ObjectChange::Kind::pointer, function, {}, source, was, is});
        }
    return found;
}

} // namespace klp::source
