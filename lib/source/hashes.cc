// Where entries of hash tables are looked for.
#include "source/local_values.h"
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// include/linux/{jhash,hash,siphash,xxhash,stringhash,hashtable}.h, by their beginnings.
constexpr std::array hashes{
    std::string_view("jhash"),     std::string_view("hash_32"),        std::string_view("hash_64"),
    std::string_view("hash_long"), std::string_view("hash_ptr"),       std::string_view("siphash"),
    std::string_view("hsiphash"),  std::string_view("full_name_hash"), std::string_view("xxh32"),
    std::string_view("xxh64"),     std::string_view("hash_add")};

// READ_ONCE(x) is x.
std::vector<std::string_view> without_reads(Words words) {
    std::vector<std::string_view> plain;
    for (size_t at = 0; at < words.size(); ++at) {
        const auto read =
            words[at] == "READ_ONCE" && at + 1 < words.size() ? arguments_of(words, at + 1) : std::nullopt;
        if (!read || read->size() != 1) {
            plain.push_back(words[at]);
            continue;
        }
        plain.insert(plain.end(), read->front().begin(), read->front().end());
        at += read->front().size() + 2;
    }
    return plain;
}

// hash_add(table, node, key)
std::string key_of(std::string_view callee, const std::vector<Words>& arguments, const LocalValues& values) {
    std::string text(callee);
    const size_t first = callee.starts_with("hash_add") && arguments.size() == 3 ? 2 : 0;
    for (size_t at = first; at < arguments.size(); ++at) {
        const std::vector<std::string_view> words = without_reads(values.resolved(without_reads(arguments[at])));
        // Variables that lead to a member may have another name.
        const std::string object = object_of(words);
        text += at == first ? "(" : ", ";
        text += object.starts_with("->") && words.size() == 3 ? object : written(words);
    }
    return text + ")";
}

std::multiset<std::string> hashes_of(Words words) {
    std::multiset<std::string> all;
    const LocalValues values(words);
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const bool is_hash = words[at + 1] == "(" && std::ranges::any_of(hashes, [&](std::string_view begin) {
                                 return words[at].starts_with(begin);
                             });
        if (const auto arguments = is_hash ? arguments_of(words, at + 1) : std::nullopt)
            all.insert(key_of(words[at], *arguments, values));
    }
    return all;
}

bool is_named_hash(std::string_view name) {
    return name.find("hash") != name.npos || name.find("HASH") != name.npos;
}

// "( a , b ) ..." of a macro with parameters; `( 1 << BITS )` is a constant.
bool begins_with_parameters(Words words) {
    const auto end = std::ranges::find(words, ")");
    const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
    return words.front() == "(" && end != words.end() && end + 1 != words.end() &&
           std::all_of(words.begin() + 1, end, [&](std::string_view word) {
               return word == "," || (is_identifier(word) && std::ranges::any_of(word, is_small));
           });
}

// By name: the definitions `# define hash_it( x ) ( ... )` of macros with parameters that have "hash" in their names.
std::map<std::string, std::string> hash_macros(std::string_view rest) {
    std::map<std::string, std::string> macros;
    for (std::string_view line : macro_definitions(rest)) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() > 4 && is_named_hash(words[2]) && begins_with_parameters(Words(words).subspan(3)))
            macros.emplace(words[2], written(Words(words).subspan(3)));
    }
    return macros;
}

// What a function with "hash" in its name returns, if somebody takes that for the number of a list: `lists[f(key)]`.
std::string number_of_list(const FunctionWords& functions, const std::string& name) {
    if (name.find("hash") == std::string::npos)
        return {};
    const bool is_number = std::ranges::any_of(functions, [&](const auto& one) {
        const auto& words = one.second;
        return std::ranges::adjacent_find(words, [&](std::string_view bracket, std::string_view word) {
                   return bracket == "[" && word == name;
               }) != words.end();
    });
    const Words words = functions.at(name);
    const auto result = std::ranges::find(words, "return");
    if (!is_number || result == words.end())
        return {};
    return written(expression_at(words, static_cast<size_t>(result - words.begin()) + 1));
}

std::string only_in(const std::multiset<std::string>& from, const std::multiset<std::string>& other) {
    for (const std::string& key : from)
        if (from.count(key) > other.count(key))
            return key;
    return {};
}

} // namespace

std::vector<ObjectChange> compare_hashes(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        const auto before = hashes_of(texts.before.at(function)), after = hashes_of(texts.after.at(function));
        const std::string was = only_in(before, after), is = only_in(after, before);
        if (!was.empty() && !is.empty() && before.size() == after.size())
            found.push_back({ObjectChange::Kind::hash, function, {}, {}, was, is});
        const std::string number = number_of_list(texts.before, function), now = number_of_list(texts.after, function);
        if (!number.empty() && !now.empty() && number != now)
            found.push_back({ObjectChange::Kind::hash, function, {}, {}, number, now});
    }
    const auto before = hash_macros(texts.text_before.rest);
    for (const auto& [name, definition] : hash_macros(texts.text_after.rest))
        if (const auto was = before.find(name); was != before.end() && was->second != definition)
            found.push_back({ObjectChange::Kind::hash, name, {}, {}, was->second, definition});
    return found;
}

} // namespace klp::source
