#include "rewrite/start_variables.h"

#include "rewrite/changed_functions.h"

#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>

#include <map>
#include <set>

namespace klp::rewrite {

namespace {

struct Variable {
    const clang::VarDecl* definition = nullptr;
    bool is_used_at_start = false; // by functions that run then
    bool is_used_later = false;    // by others, or by what has its address
};

// The variables of the unit's own file, and who speaks of them.
class Variables : public clang::RecursiveASTVisitor<Variables> {
public:
    explicit Variables(const ParsedUnit& unit) {
        const std::map<std::string, Function> functions = functions_of(unit);
        for (clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls()) {
            if (unit.place_of(declaration->getLocation()).file != unit.main_file())
                continue;
            const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
            const auto known = function ? functions.find(function->getNameAsString()) : functions.end();
            is_start_ = known != functions.end() && known->second.is_init;
            if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(declaration);
                variable && variable->getDeclName().isIdentifier() &&
                variable->isThisDeclarationADefinition() != clang::VarDecl::DeclarationOnly)
                by_name[variable->getName().str()].definition = variable;
            TraverseDecl(declaration);
        }
    }

    bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl());
        if (variable && variable->isFileVarDecl())
            (is_start_ ? by_name[variable->getName().str()].is_used_at_start
                       : by_name[variable->getName().str()].is_used_later) = true;
        return true;
    }

    std::map<std::string, Variable> by_name;

private:
    bool is_start_ = false;
};

constexpr std::string_view read_only = "__ro_after_init";

// The word in the author's text that makes the variable read-only.
std::optional<Place> read_only_at(const ParsedUnit& unit, const clang::VarDecl& variable) {
    for (const auto* section : variable.specific_attrs<clang::SectionAttr>()) {
        const Place place = unit.place_of(section->getLocation());
        if (place.file == unit.main_file() && unit.text_of(place.file).substr(place.offset).starts_with(read_only))
            return place;
    }
    return std::nullopt;
}

} // namespace

StartVariables keep_start_variables(const ParsedUnit& original, const ParsedUnit& patched) {
    constexpr std::string_view storage = "static";
    const Variables before(original), after(patched);
    StartVariables kept;
    for (const auto& [name, variable] : after.by_name) {
        if (!variable.definition)
            continue;
        const auto old = before.by_name.find(name);
        const bool is_new = old == before.by_name.end();
        if (const std::optional<Place> place = is_new ? read_only_at(patched, *variable.definition) : std::nullopt) {
            const std::string_view text = patched.text_of(place->file);
            const size_t begin = text.find_last_not_of(" \t", place->offset - 1) + 1;
            kept.edits[place->file].insert({begin, place->offset + read_only.size() - begin, ""});
            kept.done.push_back(fmt::format("{} is no longer {}: when the patch comes, what is has been made read-only "
                                            "already, and nobody could fill it.",
                                            name, read_only));
        }
        const bool is_left = !is_new && old->second.is_used_at_start && old->second.is_used_later &&
                             !variable.is_used_later && !variable.definition->isExternallyVisible();
        const Place begin = patched.place_of(variable.definition->getBeginLoc());
        if (is_left && patched.text_of(begin.file).substr(begin.offset).starts_with(storage)) {
            kept.edits[begin.file].insert({begin.offset + storage.size(), 0, " __used"});
            kept.done.push_back(fmt::format("{} is kept (__used), though the patch has nobody use it but what has run: "
                                            "else the compiler would leave it out there as well, and change what "
                                            "cannot be changed any more.",
                                            name));
        }
    }
    return kept;
}

} // namespace klp::rewrite
