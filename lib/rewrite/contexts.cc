#include "rewrite/contexts.h"

#include <clang/AST/RecursiveASTVisitor.h>

#include <algorithm>
#include <utility>

namespace klp::rewrite {

class CallFinder : public clang::RecursiveASTVisitor<CallFinder> {
public:
    CallFinder(const ParsedUnit& unit, Contexts& contexts) : unit_(unit), contexts_(contexts) {
        TraverseDecl(unit.context().getTranslationUnitDecl());
    }

    bool TraverseFunctionDecl(clang::FunctionDecl* function) {
        const clang::FunctionDecl* outer = std::exchange(caller_, function);
        const bool goes_on = RecursiveASTVisitor::TraverseFunctionDecl(function);
        caller_ = outer;
        return goes_on;
    }

    bool TraverseCallExpr(clang::CallExpr* call) {
        if (const clang::FunctionDecl* callee = call->getDirectCallee())
            contexts_.calls_[callee->getCanonicalDecl()].push_back({caller_, unit_.place_of(call->getBeginLoc())});
        else
            TraverseStmt(call->getCallee());
        for (clang::Expr* argument : call->arguments())
            TraverseStmt(argument);
        return true;
    }

    bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
        if (const auto* function = llvm::dyn_cast<clang::FunctionDecl>(name->getDecl()))
            contexts_.pointed_to_.insert(function->getCanonicalDecl());
        return true;
    }

private:
    const ParsedUnit& unit_;
    Contexts& contexts_;
    const clang::FunctionDecl* caller_ = nullptr;
};

Contexts::Contexts(const ParsedUnit& unit) : unit_(unit) {
    CallFinder(unit, *this);
}

Context Contexts::at(const clang::FunctionDecl& function, const Place& place) const {
    std::set<const clang::FunctionDecl*> under_way;
    return at(function, place, under_way);
}

Context Contexts::at(const clang::FunctionDecl& function, const Place& place,
                     std::set<const clang::FunctionDecl*>& under_way) const {
    const clang::SourceRange range = function.getBody()->getSourceRange();
    const Place begin = unit_.place_of(range.getBegin()), end = unit_.end_of(range.getEnd());
    if (place.file != begin.file || place.offset < begin.offset)
        return Context::atomic;
    const std::string_view body = unit_.text_of(begin.file).substr(begin.offset, end.offset - begin.offset);
    const size_t offset = place.offset - begin.offset;
    if (context_at(body, offset) == Context::may_sleep)
        return Context::may_sleep;
    const clang::FunctionDecl* known = function.getCanonicalDecl();
    const auto calls = calls_.find(known);
    if (!is_free_at(body, offset) || function.isExternallyVisible() || pointed_to_.contains(known) ||
        calls == calls_.end() || !under_way.insert(known).second)
        return Context::atomic;
    const bool may = std::ranges::all_of(calls->second, [&](const Call& call) {
        return call.caller && at(*call.caller, call.place, under_way) == Context::may_sleep;
    });
    under_way.erase(known);
    return may ? Context::may_sleep : Context::atomic;
}

} // namespace klp::rewrite
