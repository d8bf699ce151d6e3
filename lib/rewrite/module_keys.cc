#include "rewrite/module_keys.h"

#include "rewrite/changed_functions.h"

#include <clang/AST/Decl.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

namespace klp::rewrite {

namespace {

// How a site is written, and what reads the same. The key of a static call has another name (STATIC_CALL_KEY() in
// include/linux/static_call_types.h).
struct Site {
    std::string_view macro;
    std::string_view in_place;
    std::string_view prefix;
};
constexpr std::array<Site, 3> sites = {{{"static_branch_likely", "static_key_enabled", ""},
                                        {"static_branch_unlikely", "static_key_enabled", ""},
                                        {"static_call", "KLP_STATIC_CALL", "__SCK__"}}};
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

std::set<std::string> changed_with_callees(const std::map<std::string, Function>& functions, const PatchedText& text,
                                           const std::set<Edit>& others) {
    std::set<std::string> changed;
    std::vector<std::string> to_do;
    for (const auto& [name, function] : functions)
        if (is_changed(function, text, others))
            to_do.push_back(name);
    while (!to_do.empty()) {
        const std::string name = to_do.back();
        to_do.pop_back();
        if (!changed.insert(name).second)
            continue;
        for (const std::string& callee : functions.at(name).callees)
            if (const auto known = functions.find(callee); known != functions.end() && known->second.is_static)
                to_do.push_back(callee);
    }
    return changed;
}

bool has_variable(const ParsedUnit& unit, const std::string& name) {
    const auto found =
        unit.context().getTranslationUnitDecl()->lookup(clang::DeclarationName(&unit.context().Idents.get(name)));
    return !found.empty() && llvm::isa<clang::VarDecl>(found.front());
}

// A site at `at`, between its macro's name and the closing parenthesis: `static_call(NAME)`,
// `static_branch_likely(&NAME)`.
std::optional<std::string> key_at(const std::string& text, size_t at, std::string_view macro) {
    const size_t behind = at + macro.size();
    const bool is_word = at > 0 && letters.find(text[at - 1]) == letters.npos && text[behind] == '(';
    const size_t begin = text.find_first_of(letters, behind);
    const size_t end = text.find_first_not_of(letters, begin);
    if (!is_word || end == std::string::npos || text[end] != ')')
        return std::nullopt;
    return text.substr(begin, end - begin);
}

class Reads {
public:
    Reads(const ParsedUnit& unit, const std::string& text,
          const std::function<bool(const std::string&)>& is_exported_by_vmlinux)
        : unit_(unit), text_(text), is_exported_by_vmlinux_(is_exported_by_vmlinux) {}

    void add(const Function& function, const Site& site) {
        for (size_t at = text_.find(site.macro, function.begin); at < function.end;
             at = text_.find(site.macro, at + 1)) {
            const std::optional<std::string> name = key_at(text_, at, site.macro);
            const std::string key = std::string(site.prefix) + name.value_or("");
            if (!name || !has_variable(unit_, key) || is_exported_by_vmlinux_(key))
                continue;
            result.edits[unit_.main_file()].insert({at, site.macro.size(), std::string(site.in_place)});
            result.keys.insert(*name);
            result.needs_helpers |= !site.prefix.empty();
        }
    }

    KeyReads result;

private:
    const ParsedUnit& unit_;
    const std::string& text_;
    const std::function<bool(const std::string&)>& is_exported_by_vmlinux_;
};

} // namespace

KeyReads find_key_reads(const ParsedUnit& unit, const PatchedText& text, const std::set<Edit>& others,
                        const std::function<bool(const std::string&)>& is_exported_by_vmlinux) {
    Reads reads(unit, text.text, is_exported_by_vmlinux);
    const std::map<std::string, Function> functions = functions_of(unit);
    for (const std::string& name : changed_with_callees(functions, text, others))
        for (const Site& site : sites)
            reads.add(functions.at(name), site);
    return std::move(reads.result);
}

} // namespace klp::rewrite
