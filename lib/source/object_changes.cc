#include "source/object_changes.h"

#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace klp::source {

namespace {

FunctionWords split_into_words(const FunctionTexts& texts) {
    FunctionWords all;
    for (const auto& [name, text] : texts.functions)
        all.emplace(name, words_of(text));
    return all;
}

// What bytes are looked at by.
constexpr std::array plain_types{std::string_view("void"),   std::string_view("char"),  std::string_view("int"),
                                 std::string_view("long"),   std::string_view("short"), std::string_view("unsigned"),
                                 std::string_view("bool"),   std::string_view("u8"),    std::string_view("u16"),
                                 std::string_view("u32"),    std::string_view("u64"),   std::string_view("__u8"),
                                 std::string_view("__be16"), std::string_view("__be32")};

// A value with a new mark in it is said of the mark.
void drop_values_of_flags(std::vector<ObjectChange>& all) {
    using Kind = ObjectChange::Kind;
    std::vector<ObjectChange> flags;
    std::ranges::copy_if(all, std::back_inserter(flags), [](const ObjectChange& it) { return it.kind == Kind::flag; });
    std::erase_if(all, [&](const ObjectChange& it) {
        return (it.kind == Kind::first_value || it.kind == Kind::value) &&
               std::ranges::any_of(flags, [&](const ObjectChange& flag) {
                   return flag.function == it.function && flag.other == it.other &&
                          (" " + it.is + " ").find(" " + flag.is + " ") != std::string::npos;
               });
    });
}

} // namespace

void Pointers::read(Words words, size_t at) {
    const bool is_after_star = at > 0 && words[at] == "*" && at + 1 < words.size() && is_identifier(words[at + 1]);
    if (!is_after_star || !is_identifier(words[at - 1]))
        return;
    const bool is_structure = at > 1 && (words[at - 2] == "struct" || words[at - 2] == "union");
    // `a * b` is a product but where a statement or a parameter begins.
    const std::string_view before = at > 1 ? words[at - 2] : ";";
    if (!is_structure && before != ";" && before != "{" && before != "}")
        return;
    const bool is_plain = std::ranges::find(plain_types, words[at - 1]) != plain_types.end();
    types_.insert_or_assign(std::string(words[at + 1]), is_plain ? std::string() : std::string(words[at - 1]));
}

const std::string& Pointers::type_of(std::string_view variable) const {
    static const std::string none;
    const auto found = types_.find(variable);
    return found == types_.end() ? none : found->second;
}

bool has_word(const FunctionTexts& texts, const std::string& word) {
    const std::string whole = " " + word + " ";
    return texts.rest.find(whole) != std::string::npos || std::ranges::any_of(texts.functions, [&](const auto& entry) {
               return entry.second.find(whole) != std::string::npos;
           });
}

std::string definition_of(const std::string& rest, const std::string& tag) {
    const size_t begin = rest.find("struct " + tag + " {");
    const size_t open = begin == std::string::npos ? begin : rest.find('{', begin);
    if (open == std::string::npos)
        return {};
    size_t depth = 0;
    for (size_t at = open; at < rest.size(); ++at) {
        depth += rest[at] == '{';
        depth -= rest[at] == '}';
        if (depth == 0)
            return rest.substr(open, at - open);
    }
    return {};
}

ObjectTexts object_texts(const FunctionTexts& before, const FunctionTexts& after) {
    ObjectTexts texts{split_into_words(before), split_into_words(after), {}, before, after};
    for (const auto& [name, text] : after.functions)
        if (const auto was = before.functions.find(name); was != before.functions.end() && was->second != text)
            texts.changed.insert(name);
    return texts;
}

std::vector<ObjectChange> compare_objects(const ObjectTexts& texts) {
    std::vector<ObjectChange> all;
    for (auto* compare : {compare_made, compare_first, compare_flags, compare_returned, compare_acquired, compare_owned,
                          compare_pointers, compare_hashes, compare_hash_functions, compare_orders, compare_keys,
                          compare_clocks, compare_meanings})
        for (ObjectChange& change : compare(texts))
            all.push_back(std::move(change));
    drop_values_of_flags(all);
    return all;
}

} // namespace klp::source
