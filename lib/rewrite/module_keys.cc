#include "rewrite/module_keys.h"

#include "rewrite/lines.h"

#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>
#include <array>
#include <map>
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

struct Function {
    size_t begin = 0, end = 0; // in the text
    bool is_static = false;
    std::set<std::string> callees;
};

class Callees : public clang::RecursiveASTVisitor<Callees> {
public:
    bool VisitCallExpr(clang::CallExpr* call) {
        if (const clang::FunctionDecl* callee = call->getDirectCallee(); callee && callee->getDeclName().isIdentifier())
            names.insert(callee->getName().str());
        return true;
    }
    std::set<std::string> names;
};

std::map<std::string, Function> functions_of(const ParsedUnit& unit) {
    std::map<std::string, Function> functions;
    for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls()) {
        auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
        if (!function || !function->doesThisDeclarationHaveABody() || !function->getDeclName().isIdentifier())
            continue;
        const Place begin = unit.place_of(function->getBeginLoc());
        if (begin.file != unit.main_file())
            continue;
        Callees callees;
        callees.TraverseStmt(function->getBody());
        functions[function->getName().str()] = {begin.offset, unit.end_of(function->getBody()->getEndLoc()).offset,
                                                function->getStorageClass() == clang::SC_Static,
                                                std::move(callees.names)};
    }
    return functions;
}

// A line that the patch brought, or a gap where it took one away.
bool is_changed(const Function& function, const Lines& lines, const PatchedText& text, const std::set<Edit>& others) {
    if (std::ranges::any_of(
            others, [&](const Edit& edit) { return edit.offset >= function.begin && edit.offset <= function.end; }))
        return true;
    const size_t first = lines.number_of(function.begin), last = lines.number_of(function.end);
    for (size_t line = first; line <= last; ++line)
        if (text.line_origins[line] == 0 ||
            (line > first && text.line_origins[line] != text.line_origins[line - 1] + 1))
            return true;
    return false;
}

std::set<std::string> changed_with_callees(const std::map<std::string, Function>& functions, const PatchedText& text,
                                           const std::set<Edit>& others) {
    const Lines lines(text.text);
    std::set<std::string> changed;
    std::vector<std::string> to_do;
    for (const auto& [name, function] : functions)
        if (is_changed(function, lines, text, others))
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

} // namespace

KeyReads find_key_reads(const ParsedUnit& unit, const PatchedText& text, const std::set<Edit>& others,
                        const std::function<bool(const std::string&)>& is_exported_by_vmlinux) {
    KeyReads result;
    const std::map<std::string, Function> functions = functions_of(unit);
    for (const std::string& name : changed_with_callees(functions, text, others)) {
        const Function& function = functions.at(name);
        for (const Site& site : sites)
            for (size_t at = text.text.find(site.macro, function.begin); at < function.end;
                 at = text.text.find(site.macro, at + 1)) {
                const size_t behind = at + site.macro.size();
                const bool is_word = letters.find(text.text[at - 1]) == letters.npos && text.text[behind] == '(';
                const size_t begin = text.text.find_first_of(letters, behind);
                const size_t end = text.text.find_first_not_of(letters, begin);
                if (!is_word || end == std::string::npos || text.text[end] != ')')
                    continue;
                const std::string key = std::string(site.prefix) + text.text.substr(begin, end - begin);
                if (!has_variable(unit, key) || is_exported_by_vmlinux(key))
                    continue;
                result.edits[unit.main_file()].insert({at, site.macro.size(), std::string(site.in_place)});
                result.keys.insert(text.text.substr(begin, end - begin));
                result.needs_helpers |= !site.prefix.empty();
            }
    }
    return result;
}

} // namespace klp::rewrite
