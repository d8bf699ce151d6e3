#include "source/given_values.h"

#include "source/call_graph.h"
#include "source/object_texts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace klp::source {

namespace {

using Kind = GivenValue::Kind;

// A number, a name in capitals, and what is computed of such.
bool is_constant(Words expression) {
    constexpr std::array operators{std::string_view("*"), std::string_view("+"),  std::string_view("-"),
                                   std::string_view("|"), std::string_view("<<"), std::string_view("("),
                                   std::string_view(")")};
    return !expression.empty() && std::ranges::all_of(expression, [&](std::string_view word) {
        if (std::isdigit(static_cast<unsigned char>(word.front())) || word == "true" || word == "false")
            return true;
        const bool is_name =
            is_identifier(word) && std::ranges::none_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
        return is_name || std::ranges::find(operators, word) != operators.end();
    });
}

// What a function stores in each member, in the order of the text; empty for what is no constant.
std::map<std::string, std::vector<std::string>> values_stored(Words words) {
    std::map<std::string, std::vector<std::string>> stored;
    for (size_t at = 2; at + 2 < words.size(); ++at) {
        if (words[at] != "=" || (words[at - 2] != "->" && words[at - 2] != "."))
            continue;
        size_t begin = at;
        while (begin > 0 && (is_identifier(words[begin - 1]) || words[begin - 1] == "->" || words[begin - 1] == "."))
            --begin;
        const std::string member = object_of(words.subspan(begin, at - begin));
        const Words value = expression_at(words, at + 1);
        if (member.starts_with("->") && words[begin] != ".")
            stored[member].push_back(is_constant(value) ? written(value) : std::string());
    }
    return stored;
}

// By name of the file: the mode of what proc_create*(), proc_mkdir_mode() and debugfs_create_*() make.
std::map<std::string, std::string> modes_given(Words words) {
    std::map<std::string, std::string> modes;
    for (size_t at = 0; at + 2 < words.size(); ++at) {
        const bool makes_file = words[at].starts_with("proc_create") || words[at] == "proc_mkdir_mode" ||
                                words[at].starts_with("debugfs_create_");
        if (!makes_file || words[at + 1] != "(" || !words[at + 2].starts_with('"'))
            continue;
        const auto arguments = arguments_of(words, at + 1);
        if (arguments && arguments->size() > 2 && is_constant((*arguments)[1]))
            modes[joined((*arguments)[0])] = written((*arguments)[1]);
    }
    return modes;
}

// By name: `static const ... table[] = { ... };`
std::map<std::string, std::string> constant_tables(const std::string& rest) {
    std::map<std::string, std::string> tables;
    const std::vector<std::string_view> words = words_of(rest);
    size_t begin = 0; // of the definition
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        if (words[at] == ";")
            begin = at + 1;
        if (words[at] != "=" || words[at + 1] != "{" || at == 0 || words[at - 1] != "]")
            continue;
        size_t name = at - 1;
        while (name > begin && words[name] != "[")
            --name;
        const Words head = Words(words).subspan(begin, name - begin);
        if (!head.empty() && std::ranges::find(head, std::string_view("const")) != head.end())
            tables.emplace(head.back(), joined(expression_at(words, at + 1)));
    }
    return tables;
}

class Comparison {
public:
    explicit Comparison(const ObjectTexts& texts) : texts_(texts), graph_(texts.after, texts.text_after.rest) {
        note_roots(texts.text_after.rest);
    }

    std::vector<GivenValue> run() {
        for (const std::string& function : texts_.changed) {
            const Words was = texts_.before.at(function), is = texts_.after.at(function);
            add(Kind::mode, function, modes_given(was), modes_given(is));
            if (runs_once_for_each(function))
                compare_values(function, values_stored(was), values_stored(is));
        }
        compare_tables();
        return std::move(found_);
    }

private:
    // Who has the address: `.init = f` of a pernet_operations, `.probe = f` of whatever driver.
    void note_roots(const std::string& rest) {
        const std::vector<std::string_view> words = words_of(rest);
        std::string_view of;
        for (size_t at = 0; at + 3 < words.size(); ++at) {
            if (words[at] == "struct")
                of = words[at + 1];
            if (words[at] != "." || words[at + 2] != "=")
                continue;
            const std::string_view member = words[at + 1];
            if (member == "probe" || member == "ndo_init" || (member == "init" && of == "pernet_operations"))
                roots_.insert(words[at + 3]);
        }
        for (const auto& [name, text] : texts_.after)
            if (name.ends_with("_probe") || name.ends_with("_init_net"))
                roots_.insert(name);
    }
    bool runs_once_for_each(std::string_view function) const {
        return std::ranges::any_of(
            roots_, [&](std::string_view root) { return root == function || graph_.runs_only_in(function, root); });
    }
    void add(Kind kind, const std::string& function, const std::map<std::string, std::string>& before,
             const std::map<std::string, std::string>& after) {
        for (const auto& [what, is] : after)
            if (const auto was = before.find(what); was != before.end() && was->second != is)
                found_.push_back({kind, function, what, was->second, is});
    }
    // As many stores as before, of which one has another constant.
    void compare_values(const std::string& function, const std::map<std::string, std::vector<std::string>>& before,
                        const std::map<std::string, std::vector<std::string>>& after) {
        for (const auto& [member, values] : after) {
            const auto was = before.find(member);
            if (was == before.end() || was->second.size() != values.size())
                continue;
            const auto [old, now] = std::ranges::mismatch(was->second, values);
            if (now != values.end() && !old->empty() && !now->empty() && !is_renamed(*old, *now))
                found_.push_back({Kind::value, function, member, *old, *now});
        }
    }
    // A constant that the patch defines by another name: neither side knows the other's.
    bool is_renamed(std::string_view old, std::string_view now) const {
        return is_identifier(old) && is_identifier(now) && count_word(texts_.text_before.rest, old) != 0 &&
               count_word(texts_.text_after.rest, now) != 0 && !mentions(texts_.after, texts_.text_after, old) &&
               !mentions(texts_.before, texts_.text_before, now);
    }
    template <class WordsOfFunctions>
    static bool mentions(const WordsOfFunctions& functions, const FunctionTexts& texts, std::string_view name) {
        const auto has = [&](const auto& function) {
            return std::ranges::find(function.second, name) != function.second.end();
        };
        return count_word(texts.rest, name) != 0 || std::ranges::any_of(functions, has);
    }
    void compare_tables() {
        const auto before = constant_tables(texts_.text_before.rest), after = constant_tables(texts_.text_after.rest);
        for (const auto& [name, entries] : after) {
            const auto was = before.find(name);
            if (was == before.end() || was->second == entries)
                continue;
            std::vector<std::string> users;
            for (const auto& [function, words] : texts_.after)
                if (std::ranges::find(words, name) != words.end())
                    users.push_back(function);
            const bool is_copied =
                !users.empty() && count_word(texts_.text_after.rest, name) == 1 &&
                std::ranges::all_of(users, [&](const std::string& it) { return runs_once_for_each(it); });
            if (is_copied)
                found_.push_back({Kind::table, users.front(), name, {}, {}});
        }
    }

    const ObjectTexts& texts_;
    CallGraph graph_;
    std::set<std::string_view> roots_;
    std::vector<GivenValue> found_;
};

} // namespace

std::vector<GivenValue> compare_given(const ObjectTexts& texts) {
    return Comparison(texts).run();
}

} // namespace klp::source
