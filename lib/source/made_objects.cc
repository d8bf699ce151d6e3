// Sizes, counts and first values of the objects that a function makes.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

// include/linux/slab.h, vmalloc.h: those that are given the size of one object.
constexpr std::array sized{
    std::string_view("kmalloc"),      std::string_view("kzalloc"),       std::string_view("kmalloc_node"),
    std::string_view("kzalloc_node"), std::string_view("kvmalloc"),      std::string_view("kvzalloc"),
    std::string_view("vmalloc"),      std::string_view("vzalloc"),       std::string_view("kcalloc"),
    std::string_view("kvcalloc"),     std::string_view("kmalloc_array"), std::string_view("kvmalloc_array"),
    std::string_view("devm_kzalloc"), std::string_view("devm_kmalloc"),  std::string_view("devm_kcalloc"),
    std::string_view("sock_kmalloc"), std::string_view("__alloc_percpu")};

// How a size is spelled, not what it is.
constexpr std::array spellings{std::string_view("sizeof"),         std::string_view("struct"),
                               std::string_view("array_size"),     std::string_view("size_mul"),
                               std::string_view("size_add"),       std::string_view("struct_size"),
                               std::string_view("flex_array_size")};

// The names and numbers that a size is made of. Two spellings of one size have the same:
// kmalloc(n * sizeof(struct a)) and kcalloc(n, sizeof(*p)) of a `struct a *p` have {a, n}.
std::set<std::string> size_of(const MadeObject& object) {
    std::set<std::string> parts;
    for (const Words& argument : object.arguments)
        for (std::string_view word : argument) {
            const bool is_size = is_identifier(word) || std::isdigit(static_cast<unsigned char>(word.front()));
            if (!is_size || word.find("GFP") != word.npos || word == "gfp" || word == "flags" ||
                std::ranges::find(spellings, word) != spellings.end())
                continue;
            parts.insert(word == object.variable && !object.type.empty() ? object.type : std::string(word));
        }
    return parts;
}

// Whether it may outlive the function, as far as the text shows: a member leads to it, it has a type, or it is stored.
bool may_outlive(const MadeObject& object, Words words) {
    if (object.variable.starts_with("->") || !object.type.empty())
        return true;
    for (size_t at = 1; at + 1 < words.size(); ++at)
        if (words[at] == object.variable && (words[at - 1] == "=" || words[at - 1] == "return") && words[at + 1] == ";")
            return true;
    return false;
}

// The only object that goes to a variable of that name by a function that takes a size.
std::optional<MadeObject> only(const std::vector<MadeObject>& objects, const std::string& variable) {
    std::optional<MadeObject> found;
    for (const MadeObject& object : objects)
        if (object.variable == variable && std::ranges::find(sized, object.allocator) != sized.end()) {
            if (found)
                return std::nullopt;
            found = object;
        }
    return found;
}

std::string spelled(const MadeObject& object) {
    std::string text(object.allocator);
    text += '(';
    for (const Words& argument : object.arguments)
        text += (text.ends_with('(') ? "" : ", ") + joined(argument);
    return text + ')';
}

void compare_sizes(const std::string& function, Words before, Words after, std::vector<ObjectChange>& found) {
    const std::vector<MadeObject> made = made_objects(before);
    for (const MadeObject& object : made_objects(after)) {
        const std::optional<MadeObject> was = only(made, object.variable);
        const std::optional<MadeObject> is = only(made_objects(after), object.variable);
        if (was && is && size_of(*was) != size_of(*is) && may_outlive(*is, after))
            found.push_back({Kind::size, function, {}, object.variable, spelled(*was), spelled(*is)});
    }
}

// By object ("->refs"): the number of references that a function gives it at first.
std::map<std::string, std::string> first_counts(Words words) {
    std::map<std::string, std::string> counts;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const bool is_kref = words[at] == "kref_init";
        if (words[at + 1] != "(" || (!is_kref && words[at] != "refcount_set"))
            continue;
        const std::optional<std::vector<Words>> arguments = arguments_of(words, at + 1);
        if (!arguments || arguments->size() != (is_kref ? 1 : 2))
            continue;
        std::string object = object_of((*arguments)[0]);
        // refcount_set(&x->kref.refcount, 2) is of the kref.
        if (object.ends_with(".refcount"))
            object.erase(object.rfind('.'));
        counts[object] = is_kref ? "1" : joined((*arguments)[1]);
    }
    return counts;
}

void compare_counts(const std::string& function, Words before, Words after, std::vector<ObjectChange>& found) {
    const std::map<std::string, std::string> was = first_counts(before);
    for (const auto& [object, count] : first_counts(after))
        if (const auto old = was.find(object); old != was.end() && old->second != count)
            found.push_back({Kind::count, function, {}, object, old->second, count});
}

// list_del_init() takes an entry out of a list that it was in.
bool is_first_value(std::string_view callee) {
    if (callee.ends_with("_del_init") || callee.find("_del_init_") != callee.npos)
        return false;
    return callee.starts_with("INIT_") || callee.ends_with("_init") || callee.starts_with("init_") ||
           callee == "timer_setup" || callee == "refcount_set" || callee == "atomic_set";
}

// The members that a function gives a first value: by a call that is for nothing else, of whatever object, or by an
// assignment to one that it has made.
std::set<std::string> first_values(Words words) {
    std::set<std::string> made;
    for (const MadeObject& object : made_objects(words))
        made.insert(object.variable);
    std::set<std::string> members;
    for (size_t at = 1; at + 1 < words.size(); ++at) {
        if (is_first_value(words[at]) && words[at + 1] == "(") {
            const std::optional<std::vector<Words>> arguments = arguments_of(words, at + 1);
            if (arguments && !arguments->empty() && object_of(arguments->front()).starts_with("->"))
                members.insert(object_of(arguments->front()));
        }
        if (words[at] == "->" && made.contains(std::string(words[at - 1])) && at + 2 < words.size() &&
            words[at + 2] == "=")
            members.insert("->" + std::string(words[at + 1]));
    }
    return members;
}

size_t uses_of(std::string_view member, Words words) {
    size_t count = 0;
    for (size_t at = 1; at < words.size(); ++at)
        count += words[at] == member && (words[at - 1] == "->" || words[at - 1] == ".");
    return count;
}

bool has_word(const FunctionTexts& texts, const std::string& word) {
    const std::string whole = " " + word + " ";
    return texts.rest.find(whole) != std::string::npos || std::ranges::any_of(texts.functions, [&](const auto& entry) {
               return entry.second.find(whole) != std::string::npos;
           });
}

// Another function of the patch that does more with a member than before.
std::string user_of(const std::string& member, const std::string& maker, const ObjectTexts& texts) {
    const std::string name = member.substr(member.find_last_of(".>") + 1);
    for (const std::string& function : texts.changed)
        if (function != maker && uses_of(name, texts.after.at(function)) > uses_of(name, texts.before.at(function)))
            return function;
    return {};
}

void compare_first_values(const std::string& function, const ObjectTexts& texts, std::vector<ObjectChange>& found) {
    const std::set<std::string> before = first_values(texts.before.at(function));
    for (const std::string& member : first_values(texts.after.at(function))) {
        // A member that is new is a matter of the type.
        if (before.contains(member) || !has_word(texts.text_before, member.substr(member.find_last_of(".>") + 1)))
            continue;
        if (const std::string user = user_of(member, function, texts); !user.empty())
            found.push_back({Kind::first_value, function, user, member, {}, {}});
    }
}

bool is_constant(std::string_view word) {
    return word.size() > 2 && std::isupper(static_cast<unsigned char>(word.front())) &&
           std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

// The constants that a function puts into members of what it makes: `p->flags |= A | B;`, set_bit(A, &p->flags).
std::set<std::string> flags_given(Words words) {
    std::set<std::string> made, flags;
    for (const MadeObject& object : made_objects(words))
        made.insert(object.variable);
    for (size_t at = 0; at + 4 < words.size(); ++at) {
        const bool is_path = made.contains(std::string(words[at])) && words[at + 1] == "->";
        if (is_path && (words[at + 3] == "|=" || words[at + 3] == "="))
            for (std::string_view word : expression_at(words, at + 4))
                if (is_constant(word))
                    flags.insert(std::string(word));
        if ((words[at] == "set_bit" || words[at] == "__set_bit") && is_constant(words[at + 2]))
            flags.insert(std::string(words[at + 2]));
    }
    return flags;
}

void compare_flags(const std::string& function, const ObjectTexts& texts, std::vector<ObjectChange>& found) {
    if (made_objects(texts.after.at(function)).empty())
        return;
    for (const std::string& flag : flags_given(texts.after.at(function))) {
        if (has_word(texts.text_before, flag))
            continue;
        for (const std::string& other : texts.changed)
            if (other != function && std::ranges::find(texts.after.at(other), flag) != texts.after.at(other).end()) {
                found.push_back({Kind::flag, function, other, {}, {}, flag});
                break;
            }
    }
}

} // namespace

std::vector<ObjectChange> compare_made(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        compare_sizes(function, texts.before.at(function), texts.after.at(function), found);
        compare_counts(function, texts.before.at(function), texts.after.at(function), found);
        compare_first_values(function, texts, found);
        compare_flags(function, texts, found);
    }
    return found;
}

} // namespace klp::source
