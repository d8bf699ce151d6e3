#include "rewrite/new_objects.h"

#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>
#include <map>

namespace klp::rewrite {

namespace {

// What is passed to the parameters of static functions.
class Arguments : public clang::RecursiveASTVisitor<Arguments> {
public:
    explicit Arguments(const ParsedUnit& unit) { TraverseDecl(unit.context().getTranslationUnitDecl()); }

    bool TraverseCallExpr(clang::CallExpr* call) {
        const clang::FunctionDecl* callee = call->getDirectCallee();
        const clang::FunctionDecl* function = callee ? callee->getDefinition() : nullptr;
        if (!callee)
            TraverseStmt(call->getCallee());
        for (unsigned at = 0; at < call->getNumArgs(); ++at) {
            if (function && !function->isExternallyVisible() && at < function->getNumParams())
                passed[function->getParamDecl(at)].push_back(variable_of(*call->getArg(at)));
            TraverseStmt(call->getArg(at));
        }
        return true;
    }

    // Whoever has its address calls it with anything.
    bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl());
        if (const clang::FunctionDecl* definition = function ? function->getDefinition() : nullptr)
            for (const clang::ParmVarDecl* parameter : definition->parameters())
                passed[parameter].push_back(nullptr);
        return true;
    }

    std::map<const clang::VarDecl*, std::vector<const clang::VarDecl*>> passed; // nullptr: what is no variable

private:
    static const clang::VarDecl* variable_of(const clang::Expr& argument) {
        const auto* name = llvm::dyn_cast<clang::DeclRefExpr>(argument.IgnoreParenImpCasts());
        return name ? llvm::dyn_cast<clang::VarDecl>(name->getDecl()) : nullptr;
    }
};

} // namespace

std::set<const clang::VarDecl*> new_objects(const ParsedUnit& unit, const std::vector<LifetimeSite>& allocations) {
    std::set<const clang::VarDecl*> found;
    for (const LifetimeSite& site : allocations)
        if (site.variable)
            found.insert(site.variable);
    if (found.empty())
        return found;
    const Arguments arguments(unit);
    for (size_t known = 0; known != found.size();) {
        known = found.size();
        for (const auto& [parameter, passed] : arguments.passed)
            if (std::ranges::all_of(passed, [&](const clang::VarDecl* variable) { return found.contains(variable); }))
                found.insert(parameter);
    }
    return found;
}

} // namespace klp::rewrite
