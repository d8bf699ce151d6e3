#include "source/failure_results.h"

#include "source/object_texts.h"

#include <algorithm>
#include <optional>

namespace klp::source {

namespace {

using Kind = OtherFailure::Kind;

// What a function hands out where it fails.
struct Failures {
    bool null = false;     // by that name
    bool may_null = false; // or in a variable
    bool error = false;
};

// `if (p)`, `if (!p)`: it may be NULL.
bool is_tested(Words words, std::string_view variable) {
    for (size_t at = 0; is_identifier(variable) && at + 4 < words.size(); ++at)
        if (words[at] == "if" && words[at + 1] == "(") {
            const size_t name = words[at + 2] == "!" ? at + 3 : at + 2;
            if (words[name] == variable && words[name + 1] == ")")
                return true;
        }
    return false;
}

Failures failures_of(Words words) {
    Failures failures;
    for (size_t at = 0; at + 1 < words.size(); ++at) {
        const bool returns = words[at] == "return";
        failures.null |= returns && words[at + 1] == "NULL";
        failures.may_null |= returns && (words[at + 1] == "NULL" || is_tested(words, words[at + 1]));
        failures.error |= words[at] == "ERR_PTR" || words[at] == "ERR_CAST";
    }
    return failures;
}

// "a" of `struct a *f(`; empty if it returns no pointer.
std::string_view type_returned(Words words, const std::string& function) {
    const auto name = std::ranges::find(words, function);
    return name != words.end() && name - words.begin() > 1 && *(name - 1) == "*" ? *(name - 2) : std::string_view();
}

bool has(Words words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
}

std::optional<Kind> kind_of(Words before, Words after) {
    const Failures was = failures_of(before), is = failures_of(after);
    if (was.may_null && !was.error && is.error)
        return Kind::error_pointer;
    if (was.error && is.null && !is.error && !was.null)
        return Kind::null;
    return std::nullopt;
}

// It tells both apart already.
bool bears(Words words, Kind kind) {
    if (has(words, "IS_ERR_OR_NULL"))
        return true;
    return kind == Kind::error_pointer && has(words, "IS_ERR");
}

// Some function of the texts is ready for either in a pointer of that type: so are its users, then.
bool bears_type(const FunctionWords& functions, std::string_view type) {
    return std::ranges::any_of(
        functions, [&](const auto& one) { return has(one.second, "IS_ERR_OR_NULL") && has(one.second, type); });
}

bool is_exported(const std::string& rest, const std::string& function) {
    for (const std::string macro : {"EXPORT_SYMBOL", "EXPORT_SYMBOL_GPL", "EXPORT_SYMBOL_NS_GPL", "EXPORT_SYMBOL_NS",
                                    "EXPORT_SYMBOL_FOR_MODULES"})
        if (rest.find(" " + macro + " ( " + function + " ") != std::string::npos)
            return true;
    return false;
}

} // namespace

std::vector<OtherFailure> compare_failures(const ObjectTexts& texts) {
    std::vector<OtherFailure> found;
    for (const std::string& function : texts.changed) {
        const Words was = texts.before.at(function), is = texts.after.at(function);
        const std::optional<Kind> kind = kind_of(was, is);
        const std::string_view type = type_returned(is, function);
        if (!kind || type.empty() || bears_type(texts.after, type))
            continue;
        std::string user;
        bool has_caller = false;
        for (const auto& [caller, words] : texts.after) {
            if (caller == function || !has(words, function))
                continue;
            has_caller = true;
            const auto old = texts.before.find(caller);
            if (old != texts.before.end() && !texts.changed.contains(caller) && !bears(words, *kind) && user.empty())
                user = caller;
        }
        const bool is_of_others =
            !is_declared(is, "static") && (is_exported(texts.text_after.rest, function) || !has_caller);
        if (!user.empty() || is_of_others)
            found.push_back({*kind, function, user});
    }
    return found;
}

} // namespace klp::source
