#include "rewrite/entry_macros.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace klp::rewrite {

namespace {

// (..., type, member)
constexpr std::array<std::string_view, 7> entries = {
    "container_of", "list_entry", "list_first_entry", "list_last_entry", "hlist_entry", "rb_entry", "llist_entry"};
// (variable, timer, member)
constexpr std::array<std::string_view, 2> timers = {"from_timer", "timer_container_of"};

struct Range {
    size_t begin = 0;
    size_t end = 0;
};

struct Invocation {
    std::string_view name;
    std::vector<Range> arguments;
    size_t end = 0; // behind the closing parenthesis
};

bool is_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

std::optional<Invocation> invocation_at(std::string_view text, size_t offset) {
    Invocation found;
    size_t at = offset;
    while (at < text.size() && is_letter(text[at]))
        ++at;
    found.name = text.substr(offset, at - offset);
    at = text.find_first_not_of(" \t\n", at);
    if (found.name.empty() || at == std::string_view::npos || text[at] != '(')
        return std::nullopt;
    size_t depth = 0, begin = at + 1;
    for (; at < text.size(); ++at) {
        depth += text[at] == '(';
        if (text[at] == ')' && --depth == 0)
            break;
        if (text[at] == ',' && depth == 1) {
            found.arguments.push_back({begin, at});
            begin = at + 1;
        }
    }
    if (at >= text.size())
        return std::nullopt;
    found.arguments.push_back({begin, at});
    for (Range& argument : found.arguments) {
        argument.begin = std::min(text.find_first_not_of(" \t\n", argument.begin), argument.end);
        while (argument.end > argument.begin && std::isspace(static_cast<unsigned char>(text[argument.end - 1])))
            --argument.end;
    }
    found.end = at + 1;
    return found;
}

bool is_one_of(std::string_view name, const auto& names) {
    return std::ranges::find(names, name) != names.end();
}

Edit replace(Range range, std::string text) {
    return {range.begin, range.end - range.begin, std::move(text)};
}

// Both loops go from one list_head to the next. Behind the last one, `pos` is the object of the last one.
std::string loop(const std::string& name, const std::string& parameters, const std::string& start,
                 const std::string& more, const std::string& step) {
    return fmt::format("#define {0}({1}) \\\n"
                       "\tfor (struct list_head *klp_at = (head)->next{2}; \\\n"
                       "\t     klp_at != (head) && ({3}, true); \\\n"
                       "\t     {4})\n",
                       name, parameters, start, more, step);
}

} // namespace

std::optional<EntryEdits> edits_of_entry(std::string_view text, size_t offset, const std::string& structure) {
    const std::optional<Invocation> found = invocation_at(text, offset);
    if (!found)
        return std::nullopt;
    const std::vector<Range>& arguments = found->arguments;
    const auto word = [&](const Range& range) { return text.substr(range.begin, range.end - range.begin); };
    EntryEdits result;
    if (is_one_of(found->name, entries) && arguments.size() == 3) {
        result.edits = {replace(arguments[1], "struct " + structure), {found->end, 0, "->object"}};
    } else if (is_one_of(found->name, timers) && arguments.size() == 3) {
        result.edits = {replace({offset, found->end}, fmt::format("container_of({}, struct {}, {})->object",
                                                                  word(arguments[1]), structure, word(arguments[2])))};
    } else if (found->name == "list_for_each_entry" && arguments.size() == 3) {
        result.edits = {{offset, found->name.size(), structure + "_each"}};
        result.is_loop = true;
    } else if (found->name == "list_for_each_entry_safe" && arguments.size() == 4) {
        result.edits = {{offset, found->name.size(), structure + "_each_safe"}};
        result.is_safe_loop = true;
    } else {
        return std::nullopt;
    }
    return result;
}

std::string each_macro(const std::string& structure) {
    const std::string object = fmt::format("container_of(klp_at, struct {}, member)->object", structure);
    return loop(structure + "_each", "pos, head, member", "", "pos = " + object, "klp_at = klp_at->next");
}

std::string each_safe_macro(const std::string& structure) {
    const auto object = [&](const char* at) {
        return fmt::format("container_of({}, struct {}, member)->object", at, structure);
    };
    return loop(
        structure + "_each_safe", "pos, n, head, member", ", *klp_next = klp_at->next",
        fmt::format("pos = {}, \\\n\t\t\t\t n = klp_next == (head) ? NULL : {}", object("klp_at"), object("klp_next")),
        "klp_at = klp_next, klp_next = klp_at->next");
}

} // namespace klp::rewrite
