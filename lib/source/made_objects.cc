// Sizes of the objects that a function makes, and their number of references at first.
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <optional>

namespace klp::source {

namespace {

using Kind = ObjectChange::Kind;

// include/linux/{slab,vmalloc,device}.h: functions that are given the size of what they make, and which of their
// arguments it is.
struct Row {
    std::string_view name;
    size_t first, count;
};
constexpr std::array sized{
    Row{"kmalloc", 0, 1},        Row{"kzalloc", 0, 1},      Row{"kmalloc_node", 0, 1},  Row{"kzalloc_node", 0, 1},
    Row{"kvmalloc", 0, 1},       Row{"kvzalloc", 0, 1},     Row{"vmalloc", 0, 1},       Row{"vzalloc", 0, 1},
    Row{"kcalloc", 0, 2},        Row{"kvcalloc", 0, 2},     Row{"kmalloc_array", 0, 2}, Row{"kvmalloc_array", 0, 2},
    Row{"devm_kzalloc", 1, 1},   Row{"devm_kmalloc", 1, 1}, Row{"devm_kcalloc", 1, 2},  Row{"devm_kmalloc_array", 1, 2},
    Row{"__alloc_percpu", 0, 1}, Row{"sock_kmalloc", 1, 1}};

// How a size is spelled, not what it is.
constexpr std::array spellings{std::string_view("sizeof"),         std::string_view("struct"),
                               std::string_view("array_size"),     std::string_view("size_mul"),
                               std::string_view("size_add"),       std::string_view("struct_size"),
                               std::string_view("flex_array_size")};

// The names and numbers that a size is made of. Two spellings of one size have the same:
// kmalloc(n * sizeof(struct a)) and kcalloc(n, sizeof(*p)) of a `struct a *p` have {a, n}.
std::set<std::string> size_of(const MadeObject& object) {
    std::set<std::string> parts;
    const auto row = std::ranges::find(sized, object.allocator, &Row::name);
    for (size_t at = row->first; at < std::min(row->first + row->count, object.arguments.size()); ++at)
        for (std::string_view word : object.arguments[at]) {
            const bool is_size = is_identifier(word) || std::isdigit(static_cast<unsigned char>(word.front()));
            if (is_size && std::ranges::find(spellings, word) == spellings.end())
                parts.insert(word == object.variable && !object.type.empty() ? object.type : std::string(word));
        }
    return parts;
}

// The function gives it back where it goes on: other than before it returns with an error.
bool is_given_back(const MadeObject& object, Words words) {
    for (size_t at = 0; at + 5 < words.size(); ++at)
        if (words[at].ends_with("free") && words[at + 1] == "(" && words[at + 2] == object.variable &&
            words[at + 3] == ")" && words[at + 5] != "return" && words[at + 5] != "goto")
            return true;
    return false;
}

// Whether it may outlive the function, as far as the text shows: a member leads to it, it has a type, or it is stored.
bool may_outlive(const MadeObject& object, Words words) {
    if (object.variable.starts_with("->"))
        return true;
    if (is_given_back(object, words))
        return false;
    if (!object.type.empty())
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
        if (object.variable == variable && std::ranges::find(sized, object.allocator, &Row::name) != sized.end()) {
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
    const std::vector<MadeObject> made = made_objects(before), makes = made_objects(after);
    for (const MadeObject& object : makes) {
        const std::optional<MadeObject> was = only(made, object.variable), is = only(makes, object.variable);
        if (was && is && size_of(*was) != size_of(*is) && may_outlive(*is, after))
            found.push_back({Kind::size, function, {}, object.variable, spelled(*was), spelled(*is)});
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
