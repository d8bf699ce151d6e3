#include "rewrite/signatures.h"

#include "rewrite/references.h"

#include <clang/AST/Decl.h>
#include <fmt/format.h>

#include <regex>
#include <set>

namespace klp::rewrite {

namespace {

// By name; of functions the definition if there is one.
std::map<std::string, const clang::FunctionDecl*> definitions_in(const ParsedUnit& unit) {
    std::map<std::string, const clang::FunctionDecl*> functions;
    for (const clang::Decl* declaration : unit.context().getTranslationUnitDecl()->decls())
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
            function && function->doesThisDeclarationHaveABody() && function->getDeclName().isIdentifier() &&
            unit.place_of(function->getLocation()).file == unit.main_file())
            functions[function->getName().str()] = function;
    return functions;
}

std::string type_of(const clang::FunctionDecl& function) {
    return function.getType().getCanonicalType().getAsString();
}

bool is_exported(const std::string& text, const std::string& name) {
    return std::regex_search(text, std::regex("\\bEXPORT_SYMBOL\\w*\\(" + name + "\\b"));
}

class Finder {
public:
    Finder(const std::vector<UnitSides>& units, const PatchedTexts& texts, const std::string& patched_root)
        : units_(units), texts_(texts), root_(patched_root) {}

    Siblings run() {
        for (const UnitSides& unit : units_) {
            const auto before = definitions_in(*unit.original), after = definitions_in(*unit.patched);
            for (const auto& [name, function] : after) {
                const auto old = before.find(name);
                if (old != before.end() && type_of(*old->second) != type_of(*function) &&
                    is_exported(texts_.at(unit.patched->main_file()).text, name)) {
                    result_.names.insert(name);
                    stand_beside(unit, name, *old->second, *function);
                }
            }
        }
        return std::move(result_);
    }

private:
    void stand_beside(const UnitSides& unit, const std::string& name, const clang::FunctionDecl& before,
                      const clang::FunctionDecl& after) {
        const std::optional<std::string> old_text = unit.original->text_of(before.getSourceRange());
        const Place begin = unit.patched->place_of(after.getBeginLoc());
        const Place body = unit.patched->place_of(after.getBody()->getBeginLoc());
        const Place at_name = unit.patched->place_of(after.getLocation());
        if (!old_text || begin.file != body.file) {
            ask(unit, name, "it comes from a macro");
            return;
        }
        result_.edits[begin.file].insert({begin.offset, 0, *old_text + "\n\n"});
        result_.edits[at_name.file].insert({at_name.offset, 0, new_name_prefix});
        std::string head(unit.patched->text_of(begin.file).substr(begin.offset, body.offset - begin.offset));
        head.insert(at_name.offset - begin.offset, new_name_prefix);
        head.resize(head.find_last_not_of(" \t\n") + 1);
        result_.prototypes[begin.file];
        for (const UnitSides& user : units_)
            switch_calls(user, name);
        for (auto& [file, prototypes] : result_.prototypes)
            if (file == begin.file || users_.contains(file))
                prototypes += head + ";\n";
        users_.clear();
        result_.done.push_back(fmt::format("{}() in {} is exported and as it was: who calls it from elsewhere goes on "
                                           "with the old arguments and the old "
                                           "code. The new one is {}{}(); the callers in this patch call that.",
                                           name, relative(begin.file), new_name_prefix, name));
    }

    void switch_calls(const UnitSides& unit, const std::string& name) {
        const References references = references_to(*unit.patched, name);
        for (const Place& place : references.calls)
            if (texts_.contains(place.file)) {
                result_.edits[place.file].insert({place.offset, 0, new_name_prefix});
                users_.insert(place.file);
                result_.prototypes[place.file];
            }
        for (const Place& place : references.others)
            if (texts_.contains(place.file) && !is_export(texts_.at(place.file).text, place.offset))
                ask(unit, name, fmt::format("its address is taken in {}", relative(place.file)));
        take_prototypes_back(unit, name);
    }

    // As they were written: macros declare functions too (EXPORT_SYMBOL()).
    static std::vector<const clang::FunctionDecl*> prototypes_in(const ParsedUnit& unit, const std::string& name) {
        std::vector<const clang::FunctionDecl*> prototypes;
        const auto found =
            unit.context().getTranslationUnitDecl()->lookup(clang::DeclarationName(&unit.context().Idents.get(name)));
        for (clang::NamedDecl* declaration : found)
            for (const clang::Decl* one : declaration->redecls())
                if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(one);
                    function && !function->doesThisDeclarationHaveABody() && function->getLocation().isFileID() &&
                    unit.text_of(function->getSourceRange()))
                    prototypes.push_back(function);
        return prototypes;
    }

    void take_prototypes_back(const UnitSides& unit, const std::string& name) {
        const auto before = prototypes_in(*unit.original, name);
        if (before.empty())
            return;
        const std::string old = *unit.original->text_of(before.front()->getSourceRange());
        for (const clang::FunctionDecl* prototype : prototypes_in(*unit.patched, name)) {
            const Place place = unit.patched->place_of(prototype->getBeginLoc());
            if (texts_.contains(place.file))
                result_.edits[place.file].insert(
                    {place.offset, unit.patched->text_of(prototype->getSourceRange())->size(), old});
        }
    }

    std::string relative(const std::string& file) const {
        return file.starts_with(root_ + "/") ? file.substr(root_.size() + 1) : file;
    }

    void ask(const UnitSides& unit, const std::string& name, const std::string& what) {
        result_.questions.push_back(
            {"rewrite.signature", report::Severity::error, relative(unit.patched->main_file()), name,
             fmt::format("the patch changes the arguments of this exported function, and {}", what),
             "add a function with the new arguments by hand"});
    }

    const std::vector<UnitSides>& units_;
    const PatchedTexts& texts_;
    const std::string& root_;
    std::set<std::string> users_; // files with calls of the function at hand
    Siblings result_;
};

} // namespace

Siblings find_siblings(const std::vector<UnitSides>& units, const PatchedTexts& texts,
                       const std::string& patched_root) {
    return Finder(units, texts, patched_root).run();
}

} // namespace klp::rewrite
