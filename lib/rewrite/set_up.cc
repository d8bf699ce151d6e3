#include "rewrite/set_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace klp::rewrite {

namespace {

std::set<std::string> words_of(const std::string& text) {
    std::set<std::string> words;
    const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    for (auto begin = std::ranges::find_if(text, is_letter); begin != text.end();) {
        const auto end = std::find_if_not(begin, text.end(), is_letter);
        // "->member" is no name of its own.
        if (begin == text.begin() || (*(begin - 1) != '.' && *(begin - 1) != '>'))
            words.insert(std::string(begin, end));
        begin = std::find_if(end, text.end(), is_letter);
    }
    return words;
}

// The head of the function, as it is written.
std::string prototype_of(const ParsedUnit& unit, const clang::FunctionDecl& function) {
    const Place begin = unit.place_of(function.getSourceRange().getBegin());
    const size_t end = unit.place_of(function.getBody()->getBeginLoc()).offset;
    std::string head(unit.text_of(begin.file).substr(begin.offset, end - begin.offset));
    head.erase(head.find_last_not_of(" \t\n") + 1);
    return head;
}

} // namespace

SetUp set_up_of(const ParsedUnit& unit, const MemberUse& use) {
    SetUp found;
    found.statement = fmt::format("{}(&new->{}{});", use.callee, use.member->getName().str(), use.more_arguments);
    const std::set<std::string> words = words_of(use.more_arguments);
    if (use.function)
        for (const clang::Decl* declared : use.function->decls())
            if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(declared);
                variable && words.contains(variable->getName().str()) && !variable->hasGlobalStorage()) {
                if (variable == use.object)
                    found.object_names.insert(variable->getName().str());
                else
                    found.other_name = variable->getName().str();
            }
    for (const clang::Decl* declared : unit.context().getTranslationUnitDecl()->decls())
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declared);
            function && function->doesThisDeclarationHaveABody() && !function->isExternallyVisible() &&
            unit.place_of(function->getLocation()).file == unit.main_file() &&
            words.contains(function->getNameAsString()))
            found.prototypes.push_back(prototype_of(unit, *function));
    return found;
}

} // namespace klp::rewrite
