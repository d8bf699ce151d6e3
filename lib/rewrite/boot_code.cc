#include "rewrite/boot_code.h"

#include "rewrite/changed_functions.h"
#include "rewrite/definitions.h"
#include "rewrite/lines.h"

#include <clang/AST/Attr.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <optional>
#include <set>

namespace klp::rewrite {

namespace {

bool is_in_section(const clang::VarDecl& variable, llvm::StringRef part) {
    const auto* section = variable.getAttr<clang::SectionAttr>();
    return section && section->getName().contains(part);
}

// That a callback can get to, and write to.
bool is_lasting(const clang::VarDecl& variable) {
    return variable.hasGlobalStorage() && !variable.isStaticLocal() && !is_in_section(variable, ".init.");
}

// The variable that an expression without pointers is a part of.
const clang::VarDecl* root_of(const clang::Expr& expression) {
    const clang::Expr* part = expression.IgnoreParenImpCasts();
    if (const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(part))
        return llvm::dyn_cast<clang::VarDecl>(name->getDecl());
    if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(part))
        return member->isArrow() ? nullptr : root_of(*member->getBase());
    if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(part)) {
        const clang::Expr* array = element->getBase()->IgnoreParenImpCasts();
        return array->getType()->isConstantArrayType() ? root_of(*array) : nullptr;
    }
    return nullptr;
}

class Names : public clang::RecursiveASTVisitor<Names> {
public:
    bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        if (const auto* variable = llvm::dyn_cast<clang::VarDecl>(name->getDecl()); variable && is_lasting(*variable))
            found.insert(variable->getName().str());
        return true;
    }
    std::set<std::string> found;
};

// `place = value;` with a value that is known.
struct Assignment {
    std::string place, value;
    bool is_number = true;
    std::optional<std::string> initial; // what the place has before the function runs, if that is known; empty for zero
};

class Side {
public:
    Side(const ParsedUnit& unit, const clang::FunctionDecl& function) : unit_(unit), function_(function) {}

    // The statements of the function's body that have one of these lines (from 1).
    std::vector<const clang::Stmt*> statements_at(const std::set<size_t>& lines) const {
        std::vector<const clang::Stmt*> found;
        for (const clang::Stmt* statement : llvm::cast<clang::CompoundStmt>(function_.getBody())->body()) {
            const size_t first = line(statement->getBeginLoc()), last = line(statement->getEndLoc());
            const auto next = lines.lower_bound(first);
            if (next != lines.end() && *next <= last)
                found.push_back(statement);
        }
        return found;
    }

    std::optional<Assignment> assignment(const clang::Stmt& statement) const {
        const auto* operation = llvm::dyn_cast<clang::BinaryOperator>(&statement);
        if (!operation || operation->getOpcode() != clang::BO_Assign)
            return std::nullopt;
        const clang::VarDecl* variable = root_of(*operation->getLHS());
        const auto place = unit_.text_of(operation->getLHS()->getSourceRange());
        const auto value = unit_.text_of(operation->getRHS()->getSourceRange());
        if (!variable || !is_lasting(*variable) || is_in_section(*variable, "ro") || !place || !value)
            return std::nullopt;
        clang::Expr::EvalResult result;
        const bool is_number = operation->getLHS()->getType()->isIntegralOrEnumerationType();
        if (is_number && !operation->getRHS()->EvaluateAsInt(result, unit_.context()))
            return std::nullopt;
        if (!is_number && !is_known_function(*operation->getRHS()))
            return std::nullopt;
        return Assignment{*place, *value, is_number, initial_value(*variable, *operation->getLHS())};
    }

    size_t line(clang::SourceLocation location) const {
        const clang::SourceManager& sources = unit_.sources();
        return sources.getSpellingLineNumber(sources.getFileLoc(location));
    }

private:
    std::optional<std::string> initial_value(const clang::VarDecl& variable, const clang::Expr& place) const {
        if (!variable.getAnyInitializer())
            return variable.hasExternalStorage() ? std::nullopt : std::optional<std::string>("");
        if (!llvm::isa<clang::DeclRefExpr>(place.IgnoreParens()))
            return std::nullopt;
        return unit_.text_of(variable.getAnyInitializer()->getSourceRange());
    }
    static bool is_known_function(const clang::Expr& value) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(value.IgnoreParenImpCasts());
        return name && llvm::isa<clang::FunctionDecl>(name->getDecl());
    }
    const ParsedUnit& unit_;
    const clang::FunctionDecl& function_;
};

class Search {
public:
    Search(const ParsedUnit& original, const ParsedUnit& patched, const PatchedText& text, const std::string& name)
        : original_(original), patched_(patched), text_(text), name_(name) {}

    BootCode run() {
        for (const auto& [name, function] : functions_of(patched_)) {
            const clang::FunctionDecl* before = definition_of(original_, name);
            if (function.is_init && before && is_changed(function, text_, {}))
                look_at(name, function, *before, *definition_of(patched_, name));
        }
        return std::move(result_);
    }

private:
    void look_at(const std::string& name, const Function& function, const clang::FunctionDecl& before,
                 const clang::FunctionDecl& after) {
        const std::optional<std::string> old_text = original_.text_of(before.getSourceRange());
        if (old_text)
            result_.edits[patched_.main_file()].insert({function.begin, function.end - function.begin, *old_text});
        std::set<size_t> added, removed;
        find_lines(function, before, added, removed);
        const Side old_side(original_, before), new_side(patched_, after);
        std::optional<std::vector<ChangedValue>> values =
            values_of(old_side, old_side.statements_at(removed), new_side, new_side.statements_at(added));
        if (old_text && values)
            result_.values.insert(result_.values.end(), values->begin(), values->end());
        else
            leave_to_author(name, new_side.statements_at(added), added);
    }

    // Lines of the patched file that the patch brought, and of the original one that it took away.
    void find_lines(const Function& function, const clang::FunctionDecl& before, std::set<size_t>& added,
                    std::set<size_t>& removed) const {
        const Lines lines(text_.text);
        const Side old_side(original_, before);
        for (size_t line = old_side.line(before.getBeginLoc()); line <= old_side.line(before.getBody()->getEndLoc());
             ++line)
            removed.insert(line);
        for (size_t line = lines.number_of(function.begin); line <= lines.number_of(function.end); ++line) {
            if (text_.line_origins[line] == 0)
                added.insert(line + 1);
            removed.erase(text_.line_origins[line]);
        }
    }

    // Nothing if there is more to it than values.
    static std::optional<std::vector<ChangedValue>> values_of(const Side& old_side,
                                                              const std::vector<const clang::Stmt*>& removed,
                                                              const Side& new_side,
                                                              const std::vector<const clang::Stmt*>& added) {
        std::map<std::string, Assignment> before;
        for (const clang::Stmt* statement : removed) {
            const std::optional<Assignment> assignment = old_side.assignment(*statement);
            if (!assignment)
                return std::nullopt;
            before[assignment->place] = *assignment;
        }
        std::vector<ChangedValue> values;
        for (const clang::Stmt* statement : added) {
            const std::optional<Assignment> assignment = new_side.assignment(*statement);
            if (!assignment)
                return std::nullopt;
            const auto old = before.find(assignment->place);
            const bool is_new = old == before.end();
            if (is_new && !assignment->initial)
                return std::nullopt;
            values.push_back({assignment->place, is_new ? *assignment->initial : old->second.value, assignment->value,
                              assignment->is_number});
            before.erase(assignment->place);
        }
        if (values.empty() || !before.empty())
            return std::nullopt;
        return values;
    }

    void leave_to_author(const std::string& function, const std::vector<const clang::Stmt*>& statements,
                         const std::set<size_t>& added) {
        BootStep step{function, {}, {}};
        const Lines lines(text_.text);
        for (size_t line : added) {
            std::string_view text = lines.text(line - 1);
            step.lines.emplace_back(text.substr(0, text.find_last_not_of(" \t\n") + 1));
        }
        Names names;
        for (const clang::Stmt* statement : statements)
            names.TraverseStmt(const_cast<clang::Stmt*>(statement));
        step.objects.assign(names.found.begin(), names.found.end());
        result_.questions.push_back(
            {"rewrite.init", report::Severity::error, name_, function,
             fmt::format("the patch changes it, and it ran when the kernel or module started{}",
                         step.objects.empty()
                             ? std::string()
                             : fmt::format("; what it does now concerns {}", fmt::join(step.objects, ", "))),
             fmt::format(
                 "write into klp_{0}() what it would have done, for what exists, and into klp_undo_{0}() what takes "
                 "it back; nothing, if the new code works without",
                 function)});
        result_.steps.push_back(std::move(step));
    }

    const ParsedUnit& original_;
    const ParsedUnit& patched_;
    const PatchedText& text_;
    const std::string& name_;
    BootCode result_;
};

} // namespace

BootCode find_boot_code(const ParsedUnit& original, const ParsedUnit& patched, const PatchedText& text,
                        const std::string& name) {
    return Search(original, patched, text, name).run();
}

} // namespace klp::rewrite
