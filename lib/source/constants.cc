#include "source/constants.h"

#include "source/tokens.h"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/Frontend/ASTUnit.h>
#include <clang/Tooling/Tooling.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace klp::source {

namespace {

struct Definition {
    unsigned line = 0;
    std::string text;               // of the whole directive
    std::string value;              // what stands behind the name; empty for one with parameters
    std::set<std::string> mentions; // identifiers in it
    bool has_parameters = false;
};

using Definitions = std::map<std::string, std::vector<Definition>, std::less<>>;

// The tokens of one directive, the '#' included, as a definition under its name.
void add_definition(std::string_view text, const std::vector<Token>& directive, unsigned line, Definitions& all) {
    if (directive.size() < 3 || spelling(text, directive[1]) != "define")
        return;
    const std::string name = spelling(text, directive[2]);
    Definition definition;
    definition.line = line;
    definition.has_parameters = directive.size() > 3 && !directive[3].has_space && spelling(text, directive[3]) == "(";
    for (size_t at = 3; at < directive.size(); ++at) {
        const std::string word = spelling(text, directive[at]);
        definition.value += (definition.value.empty() || !directive[at].has_space ? "" : " ") + word;
        if (directive[at].kind == Token::Kind::identifier)
            definition.mentions.insert(word);
    }
    definition.text = fmt::format("#define {}{}{}\n", name, definition.has_parameters ? "" : " ", definition.value);
    all[name].push_back(std::move(definition));
}

Definitions definitions_of(std::string_view text) {
    Definitions all;
    std::vector<Token> directive;
    unsigned line = 1;
    LineCounter counter(text);
    for (const Token& token : tokens_of(text)) {
        if (token.kind == Token::Kind::comment)
            continue;
        if (token.starts_line || !token.is_in_directive) {
            add_definition(text, directive, line, all);
            directive.clear();
        }
        if (!token.is_in_directive)
            continue;
        if (token.starts_line)
            line = counter.line_of(token.begin);
        directive.push_back(token);
    }
    add_definition(text, directive, line, all);
    return all;
}

// Those that name one of `changed`, directly or by others, changed themselves.
void add_dependents(const Definitions& all, std::set<std::string>& changed) {
    for (bool is_new = true; is_new;) {
        is_new = false;
        for (const auto& [name, list] : all)
            for (const Definition& definition : list)
                if (std::ranges::any_of(definition.mentions,
                                        [&](const std::string& mentioned) { return changed.contains(mentioned); }))
                    is_new |= changed.insert(name).second;
    }
}

// What the macros stand for, by Clang; nothing for one that is no constant of the file itself.
std::map<std::string, std::optional<uint64_t>> values_of(const Definitions& all, const std::set<std::string>& names) {
    std::string text = "#define BIT(n) (1UL << (n))\n#define BIT_ULL(n) (1ULL << (n))\n"
                       "#define GENMASK(h, l) (((~0UL) << (l)) & (~0UL >> (63 - (h))))\n";
    for (const auto& [name, list] : all)
        text += list.back().text;
    for (const std::string& name : names)
        text += fmt::format("const long long klp_value_{0} = (long long)({0});\n", name);
    clang::IgnoringDiagConsumer quiet;
    const std::unique_ptr<clang::ASTUnit> unit = clang::tooling::buildASTFromCodeWithArgs(
        text, {"-w", "-ferror-limit=0"}, "constants.c", "klp-build", std::make_shared<clang::PCHContainerOperations>(),
        clang::tooling::getClangStripDependencyFileAdjuster(), clang::tooling::FileContentMappings(), &quiet);
    std::map<std::string, std::optional<uint64_t>> values;
    if (!unit)
        return values;
    constexpr std::string_view prefix = "klp_value_";
    for (const clang::Decl* declaration : unit->getASTContext().getTranslationUnitDecl()->decls()) {
        const auto* variable = llvm::dyn_cast<clang::VarDecl>(declaration);
        if (!variable || !variable->getName().starts_with(llvm::StringRef(prefix)) || variable->isInvalidDecl() ||
            !variable->getInit())
            continue;
        clang::Expr::EvalResult result;
        const clang::Expr* init = variable->getInit();
        if (!init->containsErrors() && !init->isValueDependent() && init->EvaluateAsInt(result, unit->getASTContext()))
            values[variable->getName().substr(prefix.size()).str()] =
                static_cast<uint64_t>(result.Val.getInt().getExtValue());
    }
    return values;
}

std::string number(const std::optional<uint64_t>& value) {
    return fmt::format("{}", static_cast<int64_t>(value.value_or(0)));
}

// Macros that Clang cannot tell the value of have another one if they are made of a changed one.
void add_unknown(const Definitions& now, std::vector<std::string> unknown, std::vector<ChangedConstant>& changed) {
    for (bool is_new = true; is_new;) {
        is_new = false;
        for (std::string& name : unknown) {
            const Definition& definition = now.find(name)->second.back();
            const auto other = std::ranges::find_if(
                changed, [&](const ChangedConstant& constant) { return definition.mentions.contains(constant.name); });
            if (other == changed.end())
                continue;
            const ChangedConstant of = *other;
            const auto said = [&](const std::string& value) {
                return fmt::format("{}, {} being {}", definition.value, of.name, value);
            };
            changed.push_back({name, definition.line, said(of.before), said(of.after), definition.mentions});
            is_new = true;
            name.clear();
        }
        std::erase(unknown, std::string());
    }
}

} // namespace

std::vector<ChangedConstant> changed_constants(std::string_view before, std::string_view after) {
    const Definitions old = definitions_of(before), now = definitions_of(after);
    std::set<std::string> names;
    for (const auto& [name, list] : now)
        if (auto found = old.find(name);
            found != old.end() && !std::ranges::equal(found->second, list, {}, &Definition::value, &Definition::value))
            names.insert(name);
    if (names.empty())
        return {};
    add_dependents(now, names);
    std::erase_if(names, [&](const std::string& name) {
        auto found = old.find(name);
        return found == old.end() || found->second.back().has_parameters ||
               now.find(name)->second.back().has_parameters;
    });
    const auto old_values = values_of(old, names), new_values = values_of(now, names);
    std::vector<ChangedConstant> changed;
    std::vector<std::string> unknown; // written as before, of others that may have changed
    for (const std::string& name : names) {
        const Definition &one = old.find(name)->second.back(), &other = now.find(name)->second.back();
        auto was = old_values.find(name), is = new_values.find(name);
        const bool is_known = was != old_values.end() && is != new_values.end();
        const bool is_alike = one.value == other.value;
        if (!is_known && is_alike)
            unknown.push_back(name);
        else if (is_known && is_alike && was->second != is->second)
            changed.push_back({name, other.line, number(was->second), number(is->second), other.mentions});
        else if (is_known ? was->second != is->second : !is_alike)
            changed.push_back({name, other.line, one.value, other.value, other.mentions});
    }
    add_unknown(now, std::move(unknown), changed);
    std::ranges::sort(changed, {}, &ChangedConstant::name);
    return changed;
}

} // namespace klp::source
