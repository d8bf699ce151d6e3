// Sizes of the objects that a function makes, and their number of references at first.
#include "source/local_values.h"
#include "source/object_texts.h"
#include "source/sized_allocators.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

// How a size is spelled, not what it is.
constexpr std::array spellings{std::string_view("sizeof"),         std::string_view("struct"),
                               std::string_view("array_size"),     std::string_view("size_mul"),
                               std::string_view("size_add"),       std::string_view("struct_size"),
                               std::string_view("flex_array_size")};

// The names and numbers that a size is made of. Two spellings of one size have the same:
// kmalloc(n * sizeof(struct a)) and kcalloc(n, sizeof(*p)) of a `struct a *p` have {a, n}.
struct Size {
    std::set<std::string> parts, types; // types: those of `parts` that stand in a sizeof
    bool has_own = false;               // sizeof(*p->member) of what goes to p->member, whose type is not known
};

bool is_part(std::string_view word) {
    return (is_identifier(word) || std::isdigit(static_cast<unsigned char>(word.front()))) &&
           std::ranges::find(spellings, word) == spellings.end();
}

// "list" of "->list" and of "->table.list".
std::string_view last_member(std::string_view object) {
    return object.substr(object.find_last_of(".>") + 1);
}

// `* p -> member` in the brackets of a sizeof at `at`, where that is what the object goes to.
bool is_own_size(const MadeObject& object, Words words, size_t at) {
    if (!object.variable.starts_with("->") || words[at] != "sizeof" || at + 2 >= words.size())
        return false;
    const std::string of = object_of(words.subspan(at + 2));
    return of.starts_with("->") && last_member(of) == last_member(object.variable);
}

void add(const MadeObject& object, const Pointers& pointers, Words words, Size& size) {
    for (size_t at = 0; at < words.size(); ++at) {
        if (is_own_size(object, words, at)) {
            size.has_own = true;
            while (at + 1 < words.size() && words[at] != ")")
                ++at;
            continue;
        }
        if (!is_part(words[at]))
            continue;
        const bool is_pointed_to =
            at > 1 && words[at - 1] == "*" && (words[at - 2] == "(" || words[at - 2] == "sizeof");
        const std::string& type = pointers.type_of(words[at]);
        const std::string part = is_pointed_to && !type.empty() ? type : std::string(words[at]);
        size.parts.insert(part);
        if (is_pointed_to || (at > 0 && words[at - 1] == "struct"))
            size.types.insert(part);
    }
}

Size size_of(const MadeObject& object, Words function) {
    Pointers pointers;
    for (size_t at = 0; at < function.size(); ++at)
        pointers.read(function, at);
    const LocalValues values(function);
    Size size;
    for (const auto& argument : size_arguments(object.allocator, object.arguments))
        add(object, pointers, values.resolved(argument), size);
    return size;
}

// A type that only one of them names may be the one that the other does not know.
bool is_same(const Size& one, const Size& other) {
    if (one.has_own == other.has_own)
        return one.parts == other.parts;
    const Size& named = one.has_own ? other : one;
    const Size& own = one.has_own ? one : other;
    std::vector<std::string> more;
    std::ranges::set_difference(named.parts, own.parts, std::back_inserter(more));
    return more.size() == 1 && named.types.contains(more.front()) && named.parts.size() == own.parts.size() + 1;
}

// The only object that goes to a variable of that name by a function that takes a size.
std::optional<MadeObject> only(const std::vector<MadeObject>& objects, const std::string& variable) {
    std::optional<MadeObject> found;
    for (const MadeObject& object : objects)
        if (object.variable == variable && !size_arguments(object.allocator, object.arguments).empty()) {
            if (found)
                return std::nullopt;
            found = object;
        }
    return found;
}

// Told in pages, as the other may be in bytes.
bool is_in_pages(const MadeObject& object) {
    return object.allocator.find("page") != object.allocator.npos;
}

// The call, or where a variable hides the size, that.
std::string size_text(const MadeObject& object, Words function, bool is_hidden) {
    if (!is_hidden)
        return spelled(object);
    const LocalValues values(function);
    std::string text;
    for (const auto& argument : size_arguments(object.allocator, object.arguments))
        text += (text.empty() ? "" : ", ") + written(values.resolved(argument));
    return std::string(object.allocator) + "(" + text + ", ...)";
}

void compare_sizes(const std::string& function, Words before, Words after, std::vector<ObjectChange>& found) {
    const std::vector<MadeObject> made = made_objects(before), makes = made_objects(after);
    for (const MadeObject& object : makes) {
        const std::optional<MadeObject> was = only(made, object.variable), is = only(makes, object.variable);
        if (!was || !is || is_in_pages(*was) != is_in_pages(*is) ||
            is_same(size_of(*was, before), size_of(*is, after)) || !may_outlive(*is, after))
            continue;
        const bool is_hidden = spelled(*was) == spelled(*is);
        found.push_back({Kind::size,
                         function,
                         {},
                         object.variable,
                         size_text(*was, before, is_hidden),
                         size_text(*is, after, is_hidden)});
    }
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
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
        if (const auto old = was.find(object);
            old != was.end() && old->second != count && is_number(old->second) && is_number(count))
            found.push_back({Kind::count, function, {}, object, old->second, count});
}

} // namespace

std::vector<ObjectChange> compare_made(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        compare_sizes(function, texts.before.at(function), texts.after.at(function), found);
        compare_counts(function, texts.before.at(function), texts.after.at(function), found);
    }
    return found;
}

} // namespace klp::source
